"""Bonds of RDKit molecules as single, double and triple ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rdkit.Chem import Mol


def kekule_bonds(mol: Mol) -> tuple[list[tuple[int, int]], list[int]]:
    """The two atoms of each bond and its order; aromatic rings have single and double bonds in turn."""
    from rdkit import Chem

    mol = Chem.Mol(mol)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    bonds = list(mol.GetBonds())
    ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in bonds]
    return ends, [round(bond.GetBondTypeAsDouble()) for bond in bonds]
