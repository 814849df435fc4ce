"""XYZ, extended XYZ, and the raw files of QM9."""

from tg_molfield.structures.formats.xyz.frames import xyz_blocks, xyz_records, xyz_streamed

__all__ = ["xyz_blocks", "xyz_records", "xyz_streamed"]
