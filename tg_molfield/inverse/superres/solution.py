"""What a method of `superresolve` returns, and what all methods share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from tg_molfield.fields import RBFField, Volume
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.inverse.superres.report import ChannelFit

Progress = Callable[[str, float], None]
"""Called with a line of text and the share of the work that is done, from 0 to 1."""


@dataclass(frozen=True)
class Solution:
    """The field ``functions`` + Σ ``lattices`` + ``interpolated``, in double precision on the CPU.

    Attributes:
        functions: functions at any positions; without centres if there are none.
        lattices: functions at the nodes of grids.
        parameters: how many numbers all consist of.
        fits: one for each channel.
        interpolated: samples between which is interpolated.
    """

    functions: RBFField
    lattices: list[LatticeField]
    parameters: int
    fits: list[ChannelFit]
    interpolated: Volume | None = None


def no_functions(volume: Volume) -> RBFField:
    """A field of no functions, with the channels and periods of a volume in double precision."""
    none = torch.zeros(0, len(volume.channels), dtype=torch.float64)
    cell = volume.grid.cell.double() if any(volume.periodic) else None
    pbc = None if cell is None else torch.tensor(volume.periodic)
    return RBFField(none.new_zeros(0, 3), none, channels=volume.channels, cell=cell, pbc=pbc)


def volume_in_double(volume: Volume) -> Volume:
    """The volume in double precision on the CPU, without gradients."""
    return Volume(volume.values.detach().cpu().double(), volume.grid, volume.channels, periodic=volume.periodic)
