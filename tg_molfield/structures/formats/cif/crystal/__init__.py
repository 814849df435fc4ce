"""Crystals in CIF: sites, symmetry, disorder, and the atoms of the unit cell."""

from tg_molfield.structures.formats.cif.crystal.unit_cell import crystal_data

__all__ = ["crystal_data"]
