"""A crystal block of CIF: all atoms of the unit cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch_geometric.data import Data

from tg_molfield.structures.build import build
from tg_molfield.structures.formats.cif.crystal.cell_parameters import read_cell
from tg_molfield.structures.formats.cif.crystal.contacts import Contacts, periodic_contacts
from tg_molfield.structures.formats.cif.crystal.disorder import SAME_ATOM, choose_disorder
from tg_molfield.structures.formats.cif.crystal.operators import IDENTITY, SymmetryOperators
from tg_molfield.structures.formats.cif.crystal.sites import Sites, crystal_sites
from tg_molfield.structures.formats.cif.crystal.space_groups import has_symmetry, symmetry_choices
from tg_molfield.structures.formats.cif.crystal.special_positions import (
    check_multiplicity,
    different_images,
    on_special_positions,
)
from tg_molfield.structures.formats.records import ReadOptions

if TYPE_CHECKING:
    import gemmi

TOO_CLOSE = 0.6
"""Distance in Å below which two atoms cannot both be there."""

EMPTY = 20.0
"""Space in Å around a molecule without a cell."""

MAX_IMAGES = 2_000_000


def crystal_data(block: gemmi.cif.Block, options: ReadOptions, notes: list[str]) -> Data:
    """All atoms of the unit cell, with ``cell`` [1, 3, 3] in Å and ``pbc`` [1, 3].

    A block with Cartesian coordinates and no cell is a molecule, without these.

    Args:
        block: the block.
        options: the options of ``read``.
        notes: gets what may not be as the file means it.

    Raises:
        ValueError: the block has no atoms, no cell or no symmetry, or they do not fit each other.
    """
    cell = read_cell(block, notes)
    sites = crystal_sites(block, cell, notes)
    if not sites.labels:
        raise ValueError("_atom_site_label: expected atoms, got none; check that not all sites are dummy sites")
    if cell is None:
        return _molecule(block, sites, options, notes)
    z, fract = _likelier_cell(sites, symmetry_choices(block, cell, notes), cell, notes)
    return build(z, fract @ cell, options.dtype, cell=cell[None], pbc=np.ones((1, 3), dtype=np.bool_), name=block.name)


def _molecule(block: gemmi.cif.Block, sites: Sites, options: ReadOptions, notes: list[str]) -> Data:
    """The atoms of a block without a cell, checked as those of a crystal in a large box."""
    box = np.eye(3) * (np.ptp(sites.fract, axis=0).max() + EMPTY)
    choices = symmetry_choices(block, box, notes) if has_symmetry(block) else [IDENTITY]
    if len(choices[0]) > 1:
        raise ValueError("_cell_length_a: expected the cell of the crystal, got none; add the cell parameters")
    z, fract = _unit_cell(sites._replace(fract=sites.fract / box[0, 0]), choices[0], box, notes)
    return build(z, fract @ box, options.dtype, name=block.name)


def _likelier_cell(
    sites: Sites, choices: list[SymmetryOperators], cell: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """The atoms of the cell by the first choice of origin, or by the other if it fits the sites better.

    That is the one that leaves nothing to note; then the one with fewer atoms, as sites do not lie on special
    positions by chance.
    """
    found, faults = [], []
    for row, operators in enumerate(choices):
        extra: list[str] = []
        try:
            z, fract = _unit_cell(sites, operators, cell, extra)
        except ValueError as error:
            faults.append(error)
        else:
            found.append(((len(extra), len(z), row), z, fract, extra))
    if not found:
        raise faults[0]
    (_, _, row), z, fract, extra = min(found, key=lambda choice: choice[0])
    if len(choices) > 1:
        notes.append(
            f"space group: expected the choice of its origin, it has two, got none; choice {2 - row} was taken, list "
            "the operators if that is wrong"
        )
    notes += extra
    return z, fract


def _unit_cell(
    sites: Sites, operators: SymmetryOperators, cell: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers [M] and fractional coordinates [M, 3] of the atoms in the cell, each once.

    Images of the asymmetric unit stay whole: they are not moved into the cell atom by atom.
    """
    if len(sites.labels) * len(operators) > MAX_IMAGES:
        raise ValueError(
            f"_atom_site: expected at most {MAX_IMAGES} atoms in the cell, got {len(sites.labels)} sites and "
            f"{len(operators)} operators; read a part of the sites"
        )
    kept = choose_disorder(sites, operators, cell, notes)
    fract, special = on_special_positions(sites, operators, cell, kept, notes)
    atoms = []
    for row, images in enumerate(operators.images(fract)):
        images = images[kept[row]]
        atoms.append(different_images(images, cell) if special[row] else images)
    counts = np.array([len(images) for images in atoms])
    check_multiplicity(sites, counts, kept, notes)
    return _each_once(sites, np.repeat(np.arange(len(counts)), counts), np.concatenate(atoms), cell, notes)


def _each_once(
    sites: Sites, rows: np.ndarray, fract: np.ndarray, cell: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers and coordinates of the atoms, without those that the file lists again as another site."""
    z, names = sites.z[rows], [sites.labels[row][:40] for row in rows]
    pairs = _pairs(fract, cell, TOO_CLOSE)
    overlapping = pairs.distance <= SAME_ATOM
    unlike = np.flatnonzero(overlapping & (z[pairs.first] != z[pairs.second]))
    if len(unlike):
        first, second = pairs.first[unlike[0]], pairs.second[unlike[0]]
        raise ValueError(
            f"site {names[first]!r}: expected no other element in its place, got {names[second]!r} at "
            f"{pairs.distance[unlike[0]]:.2f} Å; remove one of them, or give their disorder groups"
        )
    again = np.zeros(len(z), dtype=np.bool_)
    again[pairs.second[overlapping]] = True
    if again.any():
        notes.append(
            f"site {names[again.argmax()]!r}: expected sites that symmetry does not relate, got {again.sum()} atoms a "
            "second time; each was taken once"
        )
    close = np.flatnonzero(~(again[pairs.first] | again[pairs.second]))
    if len(close):
        first, second = pairs.first[close[0]], pairs.second[close[0]]
        notes.append(
            f"site {names[first]!r}: expected atoms at least {TOO_CLOSE} Å apart, got {names[second]!r} at "
            f"{pairs.distance[close[0]]:.2f} Å; check the symmetry, the origin and the occupancies"
        )
    return z[~again], fract[~again]


def _pairs(fract: np.ndarray, cell: np.ndarray, cutoff: float) -> Contacts:
    """Pairs of atoms closer than ``cutoff``, each once, the atom with the lower row first."""
    found = periodic_contacts(fract, fract, cell, cutoff)
    once = found.first < found.second
    return Contacts(*(values[once] for values in found))
