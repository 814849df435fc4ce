"""The local maxima of samples on a lattice."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

_OFFSETS = sorted(itertools.product((-1, 0, 1), repeat=3), key=lambda offset: sum(map(abs, offset)))[1:]
"""The 26 neighbours of a node, the nearest first."""
_SLOPES = (1.0, 1.3, 1.7)


def local_maxima(values: Tensor, periodic: tuple[bool, bool, bool], lowest: float, tilt: float = 0.0) -> Tensor:
    """The nodes [M, 3] whose values exceed ``lowest`` and are no less than those of their 26 neighbours.

    Only nodes above ``lowest`` are compared with their neighbours, so it is quick where these are few.

    Args:
        values: [nx, ny, nz].
        periodic: along which axes the values repeat.
        lowest: what a maximum exceeds.
        tilt: the slope, too small to move a maximum, of a plane added to the values to break ties.
    """
    flat, strides = values.reshape(-1), (values.shape[1] * values.shape[2], values.shape[2], 1)
    node = (flat > lowest).nonzero()[:, 0]
    for offset in _OFFSETS:
        neighbor, rise = node, flat.new_zeros(())
        for axis, step in enumerate(offset):
            if step:
                place, count = node // strides[axis] % values.shape[axis], values.shape[axis]
                after = (place + step) % count if periodic[axis] else (place + step).clamp(0, count - 1)
                neighbor = neighbor + (after - place) * strides[axis]
                rise = rise + (after - place) * (_SLOPES[axis] * tilt)
        node = node[flat[neighbor] + rise <= flat[node]]
    return torch.stack(torch.unravel_index(node, values.shape), 1)
