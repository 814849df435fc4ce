"""SDF and MOL files."""

from tg_molfield.structures.formats.sdf.data import sdf_records

__all__ = ["sdf_records"]
