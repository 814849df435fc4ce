"""A crystal block of CIF: all atoms of the unit cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch_geometric.data import Data

from tg_molfield.structures.build import build
from tg_molfield.structures.formats.cif.crystal.contacts import Contacts, periodic_contacts
from tg_molfield.structures.formats.cif.crystal.disorder import SAME_ATOM, choose_disorder
from tg_molfield.structures.formats.cif.crystal.operators import IDENTITY, SymmetryOperators
from tg_molfield.structures.formats.cif.crystal.sites import Sites, crystal_sites
from tg_molfield.structures.formats.cif.crystal.space_groups import has_symmetry, symmetry_choices
from tg_molfield.structures.formats.cif.items import item, number
from tg_molfield.structures.formats.records import ReadOptions

if TYPE_CHECKING:
    import gemmi

SPECIAL = 0.1
"""Distance in Å up to which rounded coordinates may be off a special position without a note."""

TOO_CLOSE = 0.6
"""Distance in Å below which two atoms cannot both be there."""

MIN_SPACING = 1.0
"""Smallest distance of opposite faces of a cell in Å."""

MAX_LENGTH = 1e5
"""Largest length of a cell in Å."""

VOLUME = 0.02
"""Largest relative difference from the volume that the file gives."""

EMPTY = 20.0
"""Space in Å around a molecule without a cell."""

MAX_STEPS = 8
MAX_IMAGES = 2_000_000
CHUNK = 100_000
"""Number of images that are made at a time."""


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
    cell = _cell(block, notes)
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


def _cell(block: gemmi.cif.Block, notes: list[str]) -> np.ndarray | None:
    """[3, 3] cell vectors in rows, a along x and b in the xy plane; ``None`` if the block has none.

    Angles that are missing are 90°, as the CIF dictionary defines, with a note.
    """
    import gemmi

    names = [*(f"length_{axis}" for axis in "abc"), *(f"angle_{angle}" for angle in ("alpha", "beta", "gamma"))]
    texts = [item(block, "_cell", name) for name in names]
    if not any(texts[:3]):
        return None
    missing = [f"_cell_{name}" for name, text in zip(names[3:], texts[3:], strict=True) if not text]
    if missing:
        notes.append(f"{missing[0]}: expected three angles, got {3 - len(missing)}; 90° was taken, add the angles")
    texts[3:] = [text or "90" for text in texts[3:]]
    values = [number(text, f"_cell_{name}") for name, text in zip(names, texts, strict=True)]
    cell, spacing = np.zeros((3, 3)), 0.0
    if all(0 < length <= MAX_LENGTH for length in values[:3]) and all(0 < angle < 180 for angle in values[3:]):
        cell = np.array(gemmi.UnitCell(*values).orth.mat.tolist()).T
        if np.isfinite(cell).all() and np.linalg.det(cell) > 0:
            spacing = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0).max()
    if values[:3] == [1, 1, 1] or not spacing >= MIN_SPACING:
        raise ValueError(
            "_cell_length_a: expected the cell of the crystal, got one that no crystal has "
            f"({', '.join(text[:12] or '?' for text in texts)}); correct the cell parameters"
        )
    given, volume = number(item(block, "_cell", "volume"), "_cell_volume"), np.linalg.det(cell)
    if abs(given / volume - 1) > VOLUME:
        notes.append(
            f"_cell_volume: expected the {volume:.1f} Å³ of the cell parameters, got {given:g}; check the parameters"
        )
    return cell


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
    fract, special = _on_special_positions(sites, operators, cell, kept, notes)
    atoms = []
    for row, images in enumerate(operators.images(fract)):
        images = images[kept[row]]
        atoms.append(_different(images, cell) if special[row] else images)
    counts = np.array([len(images) for images in atoms])
    _check_multiplicity(sites, counts, kept, notes)
    return _each_once(sites, np.repeat(np.arange(len(counts)), counts), np.concatenate(atoms), cell, notes)


def _check_multiplicity(sites: Sites, counts: np.ndarray, kept: np.ndarray, notes: list[str]) -> None:
    """Note sites with another number of images than the file gives; some programs give operators per image."""
    wrong = np.isfinite(sites.multiplicity) & (sites.multiplicity != counts)
    wrong &= kept.all(axis=1) & (sites.multiplicity * counts != kept.shape[1])
    if wrong.any():
        row = int(wrong.argmax())
        notes.append(
            f"site {sites.labels[row][:40]!r}: expected {sites.multiplicity[row]:g} images in the cell, as "
            f"_atom_site_symmetry_multiplicity gives, got {counts[row]}; check the symmetry and its origin"
        )


def _on_special_positions(
    sites: Sites, operators: SymmetryOperators, cell: np.ndarray, kept: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Fractional coordinates [N, 3], exact on special positions, and [N] whether images of a site coincide."""
    fract, special = sites.fract.copy(), np.zeros(len(sites.fract), dtype=np.bool_)
    step = max(1, CHUNK // len(operators))
    for start in range(0, len(fract), step):
        _, near = _own_images(operators, fract[start : start + step], cell)
        special[start : start + step] = near.sum(axis=1) > 1
    farthest = (SPECIAL, "")
    for row in np.flatnonzero(special & kept.all(axis=1)):
        for _ in range(MAX_STEPS):
            shift, near = _own_images(operators, fract[row][None], cell)
            fract[row] += shift[near].mean(axis=0)
            if np.linalg.norm(shift[near] @ cell, axis=1).max() < 1e-6:
                break
        moved = float(np.linalg.norm((fract[row] - sites.fract[row]) @ cell))
        farthest = max(farthest, (moved, sites.labels[row]))
    if farthest[1]:
        notes.append(
            f"site {farthest[1][:40]!r}: expected full occupancy on a special position or far from it, got a site "
            f"{farthest[0]:.2f} Å off one; it was put there"
        )
    return fract, special


def _own_images(operators: SymmetryOperators, fract: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shifts [N, n, 3] from sites to their nearest images by the operators, and [N, n] whether these are the site."""
    shift = operators.images(fract) - fract[:, None]
    shift -= np.rint(shift)
    return shift, np.linalg.norm(shift @ cell, axis=2) <= SAME_ATOM


def _different(images: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """[K, 3] the images [n, 3] of a site without those that are the same atom as an earlier one."""
    chosen = images[:1]
    for image in images[1:]:
        shift = chosen - image
        if np.linalg.norm((shift - np.rint(shift)) @ cell, axis=1).min() > SAME_ATOM:
            chosen = np.concatenate([chosen, image[None]])
    return chosen


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
