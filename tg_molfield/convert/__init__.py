"""Molecules in: files, ASE, RDKit and SMILES become ``torch_geometric.data.Data``, and go back.

The keys, their shapes and their units are in :data:`tg_molfield.convert.keys.KEYS`.
"""

from tg_molfield.convert.ase_atoms import from_ase, to_ase
from tg_molfield.convert.complexes import read_complex
from tg_molfield.convert.keys import KEYS
from tg_molfield.convert.properties import PROPERTIES
from tg_molfield.convert.rdkit_mol import from_rdkit, to_rdkit
from tg_molfield.convert.reading import read
from tg_molfield.convert.records import DroppedKeysWarning, SkippedRecordsWarning
from tg_molfield.convert.smiles import from_smiles

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
