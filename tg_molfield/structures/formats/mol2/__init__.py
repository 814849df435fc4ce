"""MOL2."""

from tg_molfield.structures.formats.mol2.data import mol2_records

__all__ = ["mol2_records"]
