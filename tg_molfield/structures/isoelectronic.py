"""Charged atoms that RDKit's search for bonds has no valences for, as neutral ones with as many bonds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rdkit.Chem import RWMol

_NEUTRAL = {(7, -1): 8, (15, 1): 14, (33, 1): 32, (51, 1): 50}
"""Isoelectronic elements of amides and onium ions, by atomic number and charge."""
_OCTAHEDRAL = {13: -3, 14: -2, 15: -1, 32: -2, 33: -1, 50: -2, 51: -1}
"""Charges of elements with six ligands, as in PF6⁻ and SiF6²⁻, whose bonds are those of SF6."""
_NEUTRAL |= dict.fromkeys(_OCTAHEDRAL.items(), 16)
_ONIUM = (15, 33, 51)
_MONOVALENT_OR_CARBON = (1, 6, 9, 17, 35, 53)


def charged_centres(mol: RWMol, formal_charges: Mapping[int, int]) -> dict[int, int]:
    """The charges, by row, of atoms such as P in PF6⁻ and PR4⁺ and N in NR2⁻.

    Args:
        mol: atoms and one conformer.
        formal_charges: of all its atoms, by row; if empty, atoms are told by the numbers of their neighbours.
    """
    if formal_charges:
        pairs = ((row, (mol.GetAtomWithIdx(row).GetAtomicNum(), charge)) for row, charge in formal_charges.items())
        return {row: charge for row, (number, charge) in pairs if (number, charge) in _NEUTRAL}
    return _centres_by_neighbours(mol)


def _centres_by_neighbours(mol: RWMol) -> dict[int, int]:
    from rdkit import Chem
    from rdkit.Chem import rdDetermineBonds

    connected, found = Chem.RWMol(mol), {}
    rdDetermineBonds.DetermineConnectivity(connected)
    for atom in connected.GetAtoms():
        number, degree = atom.GetAtomicNum(), atom.GetDegree()
        ends = {other.GetAtomicNum() for other in atom.GetNeighbors()}
        if degree == 6 and number in _OCTAHEDRAL:
            found[atom.GetIdx()] = _OCTAHEDRAL[number]
        elif degree == 4 and number in _ONIUM and ends.issubset(_MONOVALENT_OR_CARBON):
            found[atom.GetIdx()] = 1
        elif degree == 2 and number == 7 and ends == {1}:
            found[atom.GetIdx()] = -1
    return found


def as_neutral(mol: RWMol, centres: Mapping[int, int]) -> RWMol:
    """A copy with neutral atoms in the place of ``centres``, the charges of atoms by row."""
    from rdkit import Chem

    copy = Chem.RWMol(mol)
    for row, charge in centres.items():
        atom = copy.GetAtomWithIdx(row)
        atom.SetAtomicNum(_NEUTRAL[atom.GetAtomicNum(), charge])
    return copy


def as_charged(neutral: RWMol, mol: RWMol, centres: Mapping[int, int]) -> RWMol:
    """The bonds of ``neutral`` with the atoms of ``mol`` and the charges of its ``centres``.

    Raises:
        ValueError: an atom in the place of a centre has a charge.
    """
    from rdkit import Chem

    copy = Chem.RWMol(neutral)
    for row, charge in centres.items():
        atom = copy.GetAtomWithIdx(row)
        if atom.GetFormalCharge():
            raise ValueError(f"the charge of atom {row} is not {charge}")
        atom.SetAtomicNum(mol.GetAtomWithIdx(row).GetAtomicNum())
        atom.SetFormalCharge(charge)
    return copy
