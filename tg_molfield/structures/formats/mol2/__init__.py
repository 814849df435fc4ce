"""MOL2 files."""

from tg_molfield.structures.formats.mol2.data import mol2_block_mol, mol2_blocks, mol2_record, mol2_records

__all__ = ["mol2_block_mol", "mol2_blocks", "mol2_record", "mol2_records"]
