"""Molecules in: files, ASE, RDKit and SMILES become ``torch_geometric.data.Data``, and go back.

The keys, their shapes and their units are in :data:`tg_molfield.structures.keys.KEYS`.
"""

from tg_molfield.structures.ase_atoms import from_ase, to_ase
from tg_molfield.structures.complexes import read_complex
from tg_molfield.structures.formats.records import DroppedKeysWarning, SkippedRecordsWarning
from tg_molfield.structures.keys import KEYS
from tg_molfield.structures.properties import PROPERTIES
from tg_molfield.structures.rdkit_mol import from_rdkit, to_rdkit
from tg_molfield.structures.reading import read
from tg_molfield.structures.smiles import from_smiles

__all__ = [
    "KEYS",
    "PROPERTIES",
    "DroppedKeysWarning",
    "SkippedRecordsWarning",
    "from_ase",
    "from_rdkit",
    "from_smiles",
    "read",
    "read_complex",
    "to_ase",
    "to_rdkit",
]
