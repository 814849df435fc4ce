"""What a method of `superresolve` returns, and what all methods share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tg_molfield.fields import RBFField, Volume
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.inverse.superres.report import ChannelFit

Progress = Callable[[str, float], None]
"""Called with a line of text and the share of the work that is done, from 0 to 1."""


@dataclass(frozen=True)
class Solution:
    """The field ``functions`` + ``nodes``, in double precision on the CPU.

    Attributes:
        functions: functions at any positions; without centres if there are none.
        nodes: functions at the nodes.
        parameters: how many numbers both consist of.
        fits: one for each channel.
    """

    functions: RBFField
    nodes: LatticeField
    parameters: int
    fits: list[ChannelFit]


def in_double(volume: Volume) -> Volume:
    """The volume in double precision on the CPU, without gradients."""
    return Volume(volume.values.detach().cpu().double(), volume.grid, volume.channels, periodic=volume.periodic)
