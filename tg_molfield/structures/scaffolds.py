"""`scaffold`: the ring systems of a molecule with what links them."""

from __future__ import annotations

from tg_molfield.structures.connectivity import unmapped


def scaffold(smiles: str) -> str:
    """The canonical SMILES of the Bemis–Murcko scaffold, without stereochemistry and numbers of atom maps.

    Rings and the chains between them, with atoms that are doubly bonded to these, as RDKit's ``MurckoScaffold`` gives
    them. Empty for molecules without rings.

    Source: Bemis and Murcko, J. Med. Chem. 39, 2887 (1996).

    Raises:
        ValueError: RDKit does not read the SMILES.
    """
    from rdkit import rdBase
    from rdkit.Chem.Scaffolds import MurckoScaffold

    with rdBase.BlockLogs():
        return MurckoScaffold.MurckoScaffoldSmiles(mol=unmapped(smiles), includeChirality=False)
