"""The local maxima of samples on a lattice."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_OFFSETS = sorted(itertools.product((-1, 0, 1), repeat=3), key=lambda offset: sum(map(abs, offset)))[1:]
"""The 26 neighbours of a node, the nearest first."""
_SLOPES = (1.0, 1.3, 1.7)
_ROUNDING = 1e-9


def local_maxima(
    values: Tensor, periodic: tuple[bool, bool, bool], lowest: float, tilt: float = 0.0, axes: Tensor | None = None
) -> Tensor:
    """The nodes [M, 3] whose values exceed ``lowest`` and are no less than those of their 26 neighbours.

    Only nodes above ``lowest`` are compared with their neighbours, so it is quick where these are few.

    Args:
        values: [nx, ny, nz].
        periodic: along which axes the values repeat.
        lowest: what a maximum exceeds.
        tilt: the slope, too small to move a maximum, of a plane added to the values to break ties.
        axes: the steps [3, 3] from node to node, one a row, at right angles if not given. Neighbours are those by the
            shortest vectors between nodes, which other steps than these make.
    """
    flat, strides = values.reshape(-1), (values.shape[1] * values.shape[2], values.shape[2], 1)
    node = (flat > lowest).nonzero()[:, 0]
    for offset in _OFFSETS if axes is None else _neighbors(axes):
        neighbor, rise = node, flat.new_zeros(())
        for axis, step in enumerate(offset):
            if step:
                place, count = node // strides[axis] % values.shape[axis], values.shape[axis]
                after = (place + step) % count if periodic[axis] else (place + step).clamp(0, count - 1)
                neighbor = neighbor + (after - place) * strides[axis]
                rise = rise + (after - place) * (_SLOPES[axis] * tilt)
        node = node[flat[neighbor] + rise <= flat[node]]
    return torch.stack(torch.unravel_index(node, values.shape), 1)


def _neighbors(axes: Tensor) -> list[tuple[int, ...]]:
    """The 26 neighbours of a node by the shortest steps, in steps of ``axes`` [3, 3]."""
    steps = _shortest_steps(axes.detach().cpu().numpy())
    return [tuple(offset) for offset in (np.array(_OFFSETS) @ steps).tolist()]


def _shortest_steps(axes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole-number combinations [3, 3] of the vectors ``axes`` that make a Minkowski-reduced basis of their lattice."""
    steps, is_shorter = np.eye(3, dtype=np.int64), True
    while is_shorter:
        is_shorter = False
        for row, counts in itertools.product(range(3), itertools.product((-1, 0, 1), repeat=2)):
            other = steps[row] + np.array(counts) @ np.delete(steps, row, 0)
            if np.linalg.norm(other @ axes) < (1 - _ROUNDING) * np.linalg.norm(steps[row] @ axes):
                steps[row], is_shorter = other, True
    return steps
