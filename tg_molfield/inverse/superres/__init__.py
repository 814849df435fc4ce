"""Superresolution: continuous fields from samples on a grid."""

from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.inverse.superres.report import SuperresReport, SuperresWarning
from tg_molfield.inverse.superres.superres_field import SuperresField
from tg_molfield.inverse.superres.superresolve import METHODS, options_of, superresolve
from tg_molfield.inverse.superres.widths import channel_widths, resolve_widths

__all__ = [
    "METHODS",
    "LatticeField",
    "SuperresField",
    "SuperresReport",
    "SuperresWarning",
    "channel_widths",
    "options_of",
    "resolve_widths",
    "superresolve",
]
