"""Libraries of molecules: read one by one from files of any size, and written again where they have been moved to."""

from tg_molfield.structures.library.building import Built, Recipe, build_entry, fault_of_entry
from tg_molfield.structures.library.chunks import Chunk, chunked, place
from tg_molfield.structures.library.constitution import constitution
from tg_molfield.structures.library.entries import Entry, Library, smiles_entry
from tg_molfield.structures.library.graphs import smiles_of_entry
from tg_molfield.structures.library.problems import FailedRecord, Problems
from tg_molfield.structures.library.sdf_output import write_sdf
from tg_molfield.structures.library.tables import TABLES
from tg_molfield.structures.library.xyz_output import write_extxyz

__all__ = [
    "TABLES",
    "Built",
    "Chunk",
    "Entry",
    "FailedRecord",
    "Library",
    "Problems",
    "Recipe",
    "build_entry",
    "chunked",
    "constitution",
    "fault_of_entry",
    "place",
    "smiles_entry",
    "smiles_of_entry",
    "write_extxyz",
    "write_sdf",
]
