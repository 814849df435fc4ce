"""Whether atoms are one molecule, and which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch_geometric.data import Data

from tg_molfield.structures.rdkit_mol import perceived

if TYPE_CHECKING:
    from rdkit.Chem import Mol

_NEVER_CHARGED = ("H", "F")


def whole_molecule(data: Data) -> Mol | None:
    """The uncharged RDKit molecule of ``z`` and ``pos`` with perceived bonds; None if there is none, or several.

    Bonds are those of `to_rdkit`, and RDKit sanitises them. Hydrogen and fluorine atoms with formal charges, which
    bridge others there, are in no molecule.
    """
    from rdkit import Chem

    try:
        mol = perceived(Data(z=data["z"].cpu(), pos=data["pos"].detach().cpu()), charge=0)
    except ValueError:
        return None
    bridged = any(atom.GetFormalCharge() and atom.GetSymbol() in _NEVER_CHARGED for atom in mol.GetAtoms())
    return None if bridged or len(Chem.GetMolFrags(mol)) > 1 else mol


def canonical_smiles(mol: Mol) -> str:
    """RDKit's canonical SMILES of a molecule, without the hydrogens that need not be written."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        return Chem.MolToSmiles(Chem.RemoveHs(mol))
