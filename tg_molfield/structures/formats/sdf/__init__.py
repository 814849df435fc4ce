"""SDF and MOL files."""

from tg_molfield.structures.formats.sdf.data import sdf_blocks, sdf_mol, sdf_record, sdf_records, sdf_tags

__all__ = ["sdf_blocks", "sdf_mol", "sdf_record", "sdf_records", "sdf_tags"]
