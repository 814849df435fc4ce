"""`scaffold`: the ring systems of a molecule with what links them."""

from __future__ import annotations


def scaffold(smiles: str) -> str:
    """The canonical SMILES of the Bemis–Murcko scaffold, without stereochemistry.

    Rings and the chains between them, with atoms that are doubly bonded to these, as RDKit's ``MurckoScaffold`` gives
    them. Empty for molecules without rings.

    Source: Bemis and Murcko, J. Med. Chem. 39, 2887 (1996).

    Raises:
        ValueError: RDKit does not read the SMILES.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem.Scaffolds import MurckoScaffold

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            raise ValueError(f"smiles: expected a valid SMILES, got {smiles[:40]!r}; correct it")
        return MurckoScaffold.MurckoScaffoldSmiles(mol=mol, includeChirality=False)
