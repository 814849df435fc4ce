"""CIF: crystals, the models of mmCIF, and component dictionaries."""

from tg_molfield.structures.formats.cif.blocks import cif_models, cif_records

__all__ = ["cif_models", "cif_records"]
