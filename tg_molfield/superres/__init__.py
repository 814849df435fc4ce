"""Superresolution: fields from samples on a grid, finer than they were sampled."""

from tg_molfield.superres.anchored import anchored
from tg_molfield.superres.lattice_field import LatticeField
from tg_molfield.superres.report import SuperresReport
from tg_molfield.superres.superresolve import superresolve
from tg_molfield.superres.widths import channel_widths

__all__ = ["LatticeField", "SuperresReport", "anchored", "channel_widths", "superresolve"]
