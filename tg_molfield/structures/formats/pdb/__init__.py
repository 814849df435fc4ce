"""PDB, read by its fixed columns."""

from tg_molfield.structures.formats.pdb.models import pdb_models, pdb_records

__all__ = ["pdb_models", "pdb_records"]
