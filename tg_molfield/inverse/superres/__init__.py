"""Superresolution: fields from samples on a grid, finer than they were sampled."""

from tg_molfield.inverse.superres.anchored import anchored
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.inverse.superres.report import SuperresReport
from tg_molfield.inverse.superres.superres_field import SuperresField
from tg_molfield.inverse.superres.superresolve import superresolve
from tg_molfield.inverse.superres.widths import channel_widths, widths_of

__all__ = ["LatticeField", "SuperresField", "SuperresReport", "anchored", "channel_widths", "superresolve", "widths_of"]
