"""Interpolation between the nodes of a grid: trilinear and cubic B-spline, exact at the nodes."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from tg_molfield.fields.splines import CUBIC, GRADIENT, LINEAR, VALUE, Order, evaluate

INTERPOLATIONS = ("linear", "cubic")

Periodic = tuple[bool, bool, bool]

_DENSE = 1024
"""Along an axis of at most so many nodes the spline is solved for by a matrix."""
_REACH = 28
_SLACK = 1e-3
"""How far outside, in steps, a point still counts as on the border, for nodes rounded to single precision."""


@final
class Interpolator:
    """A function of grid coordinates that takes the given values at integers.

    Along a periodic axis it repeats after n steps; along the others it is zero outside the nodes, and the cubic spline
    is mirrored at the first and the last node. Both are differentiable with respect to values and coordinates; the
    cubic one has two continuous derivatives.

    Source: Unser, "Splines: a perfect fit for signal and image processing" (1999).

    Args:
        values: [C, nx, ny, nz].
        interpolation: ``"linear"`` or ``"cubic"``.
        periodic: for each axis, whether the values repeat.
    """

    def __init__(self, values: Tensor, interpolation: str, periodic: Periodic) -> None:
        self._shape, self._periodic = values.shape[1:], periodic
        self._basis = CUBIC if interpolation == "cubic" else LINEAR
        before, after = (1, 2) if interpolation == "cubic" else (0, 1)
        for axis, (n, repeats) in enumerate(zip(self._shape, periodic, strict=True), start=1):
            if interpolation == "cubic":
                values = _coefficients(values, axis, repeats)
            values = values.index_select(axis, _place(torch.arange(-before, n + after), n, repeats).to(values.device))
        self._table = values.movedim(0, -1).contiguous()

    def __call__(self, steps: Tensor, rounding: Tensor | float = 0.0) -> Tensor:
        """The values [Q, C] at ``steps`` [Q, 3] of any type of floats, which may be off by ``rounding`` [Q, 1]."""
        return self._derivatives(steps, rounding, VALUE)[:, 0]

    def gradient(self, steps: Tensor, rounding: Tensor | float = 0.0) -> Tensor:
        """The derivatives [Q, 3, C] by ``steps`` [Q, 3], likewise."""
        return self._derivatives(steps, rounding, GRADIENT)

    def _derivatives(self, steps: Tensor, rounding: Tensor | float, orders: tuple[Order, ...]) -> Tensor:
        n = steps.new_tensor(self._shape)
        repeats = torch.tensor(self._periodic, device=steps.device)
        fixed = steps.detach()
        place = torch.where(repeats, fixed - n * (fixed / n).floor(), fixed)
        last = torch.where(repeats, n, n - 1)
        slack = _SLACK + rounding
        outside = ((place < -slack) | (place > last + slack)).any(-1)
        within = torch.minimum(place.clamp_min(0), last)
        low = torch.minimum(within.floor(), last - 1).clamp_min(0).nan_to_num(0)
        offset = (steps + (within - low - fixed)).to(self._table)
        values = evaluate(self._table, low.long(), offset, self._basis, orders)
        return torch.where(outside[:, None, None], torch.zeros_like(values), values)


def _coefficients(values: Tensor, axis: int, periodic: bool) -> Tensor:
    """The coefficients of the cubic spline along ``axis``, in memory linear in its nodes.

    On a long axis the inverse of the collocation matrix is a filter (2 − √3)^|k|, which decays below 1e-16 in 28 nodes.
    """
    n = values.shape[axis]
    if n <= _DENSE:
        inverse = torch.linalg.inv(_collocation(n, periodic)).to(values)
        return torch.tensordot(values, inverse, ([axis], [1])).movedim(-1, axis)
    steps = torch.arange(-_REACH, n + _REACH, device=values.device)
    padded = values.index_select(axis, _place(steps, n, periodic))
    total = torch.zeros_like(values)
    for k in range(-_REACH, _REACH + 1):
        total = total + _gain(abs(k)) * padded.narrow(axis, _REACH + k, n)
    return total


def _gain(distance: int) -> float:
    pole = math.sqrt(3) - 2
    return -6 * pole / (1 - pole**2) * pole**distance


def _place(index: Tensor, n: int, periodic: bool) -> Tensor:
    if periodic or n == 1:
        return index % n
    index = (index % (2 * n - 2)).abs()
    return torch.minimum(index, 2 * n - 2 - index)


def _collocation(n: int, periodic: bool) -> Tensor:
    nodes = torch.arange(n)
    system = torch.eye(n, dtype=torch.float64) * (4 / 6)
    for neighbour in (nodes - 1, nodes + 1):
        system[nodes, _place(neighbour, n, periodic)] += 1 / 6
    return system
