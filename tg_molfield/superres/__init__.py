"""Superresolution: fields from samples on a grid, finer than they were sampled."""

from tg_molfield.superres.anchored import anchored
from tg_molfield.superres.lattice_field import LatticeField
from tg_molfield.superres.report import SuperresReport
from tg_molfield.superres.superres_field import SuperresField
from tg_molfield.superres.superresolve import superresolve
from tg_molfield.superres.widths import channel_widths, widths_of

__all__ = ["LatticeField", "SuperresField", "SuperresReport", "anchored", "channel_widths", "superresolve", "widths_of"]
