"""Samples left out, and what is predicted there from the others: how methods are judged without the truth.

Every third node along each axis is left out, one in 27. Each number gives other nodes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.inverse.solvers import conjugate_gradients
from tg_molfield.inverse.superres.covariance import NESTED_SHARES
from tg_molfield.inverse.superres.nested_kriging import NestedKriging, likeliest_nested

EVERY = 3
_STRIDE = 13
"""Prime to 27, so that all sets come up; the first two are far from each other."""
_ACCURACY = 1e-4
_MOST_STEPS = 200
_NUGGET = 1e-3
_WORSE = 1.1
"""0.4 dB. White noise gives 1.13, a step across an axis 1.11, molecular fields 3.5 Å a node at most 1.05."""


def first_left_out(number: int) -> tuple[int, int, int]:
    """The first node left out, for the sets of numbers 0, 1, …; sets of different numbers below 27 are disjoint."""
    place = (number + 1) * _STRIDE % EVERY**3
    return place // EVERY**2, place // EVERY % EVERY, place % EVERY


def left_out_nodes(shape: tuple[int, ...], first: tuple[int, int, int]) -> Tensor:
    """Which nodes are left out [nx, ny, nz]."""
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[first[0] :: EVERY, first[1] :: EVERY, first[2] :: EVERY] = True
    return mask


def kriged_from_others(values: Tensor, steps: Tensor, left_out: Tensor) -> Tensor:
    """Samples [nx, ny, nz], those left out replaced by their best linear estimates from the others.

    The estimates are the values at which the weights of their nodes are 0.

    Args:
        values: the samples.
        steps: of their grid [3] in Å.
        left_out: which are left out [nx, ny, nz]; their values do not count.
    """
    rest = values.masked_fill(left_out, 0.0)
    kind, width = likeliest_nested(rest + _filled(rest, left_out), steps)
    system, share = NestedKriging.of(tuple(values.shape), steps, width, nugget=_NUGGET), NESTED_SHARES[kind]

    def weights_of(estimates: Tensor) -> Tensor:
        placed = torch.zeros_like(values).masked_scatter_(left_out, estimates)
        return system.weights(placed, share)[left_out]

    target = -system.weights(rest, share)[left_out]
    estimates = conjugate_gradients(weights_of, lambda x: x, target, _ACCURACY, _MOST_STEPS)
    return values.masked_scatter(left_out, estimates)


def _filled(rest: Tensor, left_out: Tensor) -> Tensor:
    """First estimates [nx, ny, nz] at the nodes left out, the mean of their neighbours, and 0 elsewhere."""
    near, _ = from_neighbors(rest[None])
    return near[0] * left_out


def from_neighbors(values: Tensor) -> tuple[Tensor, Tensor]:
    """Each node [C, nx, ny, nz] from its neighbours along the axes, linearly and by cubics; the mean over the axes.

    Meaningless within two nodes of the border.
    """
    near = torch.stack([(values.roll(1, axis) + values.roll(-1, axis)) / 2 for axis in (1, 2, 3)]).mean(0)
    far = torch.stack([(values.roll(2, axis) + values.roll(-2, axis)) / 2 for axis in (1, 2, 3)]).mean(0)
    return near, (4 * near - far) / 3


def unresolved_channels(values: Tensor) -> list[int]:
    """The channels of samples [C, nx, ny, nz] that neighbours predict better linearly than by cubics."""
    near, cubic = from_neighbors(values)
    inner = (slice(None), *(slice(2, -2),) * 3)
    linear_error, cubic_error = ((estimates - values)[inner].flatten(1).square().sum(1) for estimates in (near, cubic))
    return (cubic_error > _WORSE * linear_error).nonzero()[:, 0].tolist()
