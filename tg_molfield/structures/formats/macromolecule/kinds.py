"""What a residue is: part of a polymer, water, or anything else."""

from __future__ import annotations

import re
from enum import IntEnum

import numpy as np

from tg_molfield.structures.formats.macromolecule.residue_names import ions, is_polymer, names_of, tabulated
from tg_molfield.structures.formats.macromolecule.table import AtomTable

LINK = 2.1
"""Longest bond in Å between the units of a polymer, C-N or O3'-P."""

NEIGHBOURS = 3
"""How many of the nearest ends are looked at; alternate locations can lie nearer than the bonded one."""

_WATER_SITE = re.compile(r"\d*[OHDTMELIX]")
_SUGAR = {"C1'", "C3'", "C4'", "O3'"}


class Kind(IntEnum):
    """Kinds of residue."""

    OTHER = 0
    POLYMER = 1
    WATER = 2


def residue_kinds(table: AtomTable, names: dict[str, frozenset[str]]) -> np.ndarray:
    """[residues] the kind of each residue of ``table``.

    A residue belongs to a polymer if it is an amino acid, a nucleotide or a cap by its name, or if it has the backbone
    of one and is bonded to its neighbours. ATOM or HETATM decides only where the name is blank, and for a backbone
    without neighbours.

    Args:
        table: the atoms.
        names: the atom names that occur in the residues of each name.
    """
    by_name = {name: _kind_by_name(name, atoms) for name, atoms in names.items()}
    kinds = np.array([by_name[residue.code] for residue in table.residues], dtype=np.int64).reshape(-1)
    backbones = {
        name: ends for name, atoms in names.items() if by_name[name] == Kind.OTHER and (ends := _backbone(name, atoms))
    }
    if backbones:
        linked = _linked_residues(table)
        for row, residue in enumerate(table.residues):
            if residue.code in backbones and (row in linked or not residue.hetatm):
                kinds[row] = Kind.POLYMER
    for row, residue in enumerate(table.residues):
        if not residue.name and not residue.hetatm:
            kinds[row] = Kind.POLYMER
    return kinds


def _kind_by_name(name: str, atoms: frozenset[str]) -> Kind:
    if tabulated(name).is_water() or (name in names_of("water") and _looks_like_water(atoms)):
        return Kind.WATER
    return Kind.POLYMER if is_polymer(name, atoms) else Kind.OTHER


def _looks_like_water(atoms: frozenset[str]) -> bool:
    oxygens = [atom for atom in atoms if atom.startswith("O") and atom != "OM"]
    return len(oxygens) == 1 and all(_WATER_SITE.match(atom) for atom in atoms)


def _backbone(name: str, atoms: frozenset[str]) -> bool:
    """Whether residues of this name can be units of a chain."""
    return (
        {"N", "CA", "C"} <= atoms
        or {atom.replace("*", "'") for atom in atoms} >= _SUGAR
        or (atoms == {"CA"} and name not in ions())
    )


def _linked_residues(table: AtomTable) -> set[int]:
    """The residues whose C is bonded to the N, or O3' to the P, of another residue."""
    from scipy.spatial import cKDTree

    stripped = [value.strip().replace("*", "'") for value in table.name.values]
    linked: set[int] = set()
    for tail, head in (("C", "N"), ("O3'", "P")):
        tails, heads = (
            np.flatnonzero(np.isin(table.name.codes, [i for i, value in enumerate(stripped) if value == end]))
            for end in (tail, head)
        )
        if len(tails) and len(heads):
            neighbours = min(NEIGHBOURS, len(tails))
            _, near = cKDTree(table.pos[tails]).query(
                table.pos[heads], k=[*range(1, neighbours + 1)], distance_upper_bound=LINK
            )
            for row, others in zip(table.residue[heads].tolist(), near.tolist(), strict=True):
                found = {int(table.residue[tails[other]]) for other in others if other < len(tails)} - {row}
                linked |= found | {row} if found else found
    return linked
