"""Nitro groups that some programs draw without a double bond."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rdkit.Chem import Atom, Mol


def settle_nitro_groups(mol: Mol) -> None:
    """Give ``N([O-])[O-]``, which no molecule has, the bonds and charges of nitro groups: ``[N+](=O)[O-]``.

    Args:
        mol: as RDKit read it, not sanitized; it is changed.
    """
    from rdkit.Chem import BondType

    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() != 7 or atom.GetFormalCharge() or atom.GetDegree() != 3:
            continue
        oxides = [other for other in atom.GetNeighbors() if _is_oxide(other)]
        if len(oxides) >= 2 and all(bond.GetBondType() == BondType.SINGLE for bond in atom.GetBonds()):
            atom.SetFormalCharge(1)
            oxides[0].SetFormalCharge(0)
            mol.GetBondBetweenAtoms(atom.GetIdx(), oxides[0].GetIdx()).SetBondType(BondType.DOUBLE)


def _is_oxide(atom: Atom) -> bool:
    return bool(atom.GetAtomicNum() == 8 and atom.GetDegree() == 1 and atom.GetFormalCharge() == -1)
