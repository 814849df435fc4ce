"""What a SMILES says of atoms and bonds alone."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rdkit.Chem import Mol

_KEPT = 2**16


def unmapped(smiles: str) -> Mol:
    """The molecule of a SMILES without the numbers of atom maps.

    Raises:
        ValueError: RDKit does not read the SMILES.
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise ValueError(f"smiles: expected a valid SMILES, got {smiles[:40]!r}; correct it")
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return mol


@lru_cache(maxsize=_KEPT)
def connectivity(smiles: str) -> str:
    """The canonical SMILES without stereochemistry, isotopes and numbers of atom maps.

    Raises:
        ValueError: RDKit does not read the SMILES.
    """
    from rdkit import Chem

    mol = unmapped(smiles)
    for atom in mol.GetAtoms():
        atom.SetIsotope(0)
    return Chem.MolToSmiles(Chem.RemoveHs(mol), isomericSmiles=False)
