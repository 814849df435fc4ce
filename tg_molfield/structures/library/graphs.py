"""The SMILES of entries whose source gives the bonds."""

from __future__ import annotations

from tg_molfield.files import NO_FAULTS
from tg_molfield.structures.formats.mol2 import mol2_block_mol
from tg_molfield.structures.formats.sdf import sdf_mol
from tg_molfield.structures.library.entries import Entry
from tg_molfield.structures.whole_molecule import canonical_smiles


def smiles_of_entry(entry: Entry) -> str:
    """The SMILES of an entry as a table gives it, or RDKit's canonical one of the bonds of a file.

    Empty where the source has no bonds, or RDKit refuses them.
    """
    if entry.kind == "smiles":
        return entry.content.split()[0]
    if entry.kind not in (".sdf", ".mol", ".mol2"):
        return ""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        try:
            mol = mol2_block_mol(entry.content) if entry.kind == ".mol2" else sdf_mol(entry.content)[0]
            Chem.SanitizeMol(mol)
            Chem.AssignStereochemistryFrom3D(mol)
            return canonical_smiles(mol)
        except NO_FAULTS:
            raise
        except Exception:
            return ""
