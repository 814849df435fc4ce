"""Fields: their definition from atoms, their evaluation, and their samples on grids; torch alone."""

from tg_molfield.fields.atoms import AtomList
from tg_molfield.fields.definition import Channel, MolField
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.kernels import KERNELS, Kernel, get_kernel
from tg_molfield.fields.rbf import RBFField
from tg_molfield.fields.volume import Volume

__all__ = [
    "KERNELS",
    "AtomList",
    "Channel",
    "Field",
    "Grid",
    "Kernel",
    "MolField",
    "RBFField",
    "Volume",
    "get_kernel",
]
