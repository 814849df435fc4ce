"""Molecules from files, ASE, RDKit and SMILES as ``torch_geometric.data.Data``, and back.

The readers of PDB, CIF, SDF, MOL2 and XYZ are in ``formats/``; see there to add a format. The keys of a ``Data``, their
shapes and their units are in :data:`tg_molfield.structures.keys.KEYS`.
"""

from tg_molfield.chem.color import COLOR_TYPES
from tg_molfield.structures.added_properties import with_bonds, with_color, with_properties
from tg_molfield.structures.ase_atoms import from_ase, to_ase
from tg_molfield.structures.complexes import read_complex
from tg_molfield.structures.keys import KEYS
from tg_molfield.structures.properties import PROPERTIES
from tg_molfield.structures.rdkit_mol import from_rdkit, to_rdkit
from tg_molfield.structures.reading import read
from tg_molfield.structures.smiles import from_smiles
from tg_molfield.structures.structure_warnings import DroppedKeysWarning, SkippedRecordsWarning, StructureWarning

__all__ = [
    "COLOR_TYPES",
    "KEYS",
    "PROPERTIES",
    "DroppedKeysWarning",
    "SkippedRecordsWarning",
    "StructureWarning",
    "from_ase",
    "from_rdkit",
    "from_smiles",
    "read",
    "read_complex",
    "to_ase",
    "to_rdkit",
    "with_bonds",
    "with_color",
    "with_properties",
]
