"""Overlaps by pairs of channels of any two fields as sums over a grid, with estimates of their errors."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.compare.interactions.pair_sums import channels_of_one_width
from tg_molfield.fields import Field, Grid, RBFField

_TERMS_AT_ONCE = 2**22


def sums_on(f: Field, g: Field, grid: Grid) -> tuple[Tensor, Tensor]:
    """∫ f_c g_d d³r of two functions and the errors, [1, C, D] each."""
    values = f.on(grid).values.double().flatten(1)
    return _with_error((values @ _estimates(g, grid).flatten(1)).unflatten(1, (3, -1))[None], f)


def shares_on(f: RBFField, g: Field, grid: Grid) -> tuple[Tensor, Tensor]:
    """The shares of the centres of f in ∫ f_c g_d d³r and the errors, [N, C, D] each."""
    nodes, estimates = grid.points(torch.float64, f.device), _estimates(g, grid)
    centers, weights = f.centers.double(), f.weights.double()
    total = weights.new_zeros(*weights.shape, *estimates.shape[1:])
    step = max(1, _TERMS_AT_ONCE // max(1, len(centers)))
    for some, values in zip(nodes.split(step), estimates.flatten(1).split(step), strict=True):
        squares = (centers[:, None] - some).square().sum(-1)
        for channels, widths in channels_of_one_width(f):
            table = f.kernel.value(squares / widths.double().square()[:, None])
            reached = (table @ values).unflatten(1, (3, -1))[:, None]
            total = total.index_add(1, channels, weights[:, channels, None, None] * reached)
    return _with_error(total, f)


def _estimates(g: Field, grid: Grid) -> Tensor:
    """[Q, 3, D]: g times the volume of a node; with every second node left out; with the outermost left out."""
    values = g.on(grid).values.double() * grid.voxel_volume
    coarse, inner = torch.ones(2, *grid.shape, dtype=values.dtype, device=values.device)
    for axis, nodes in enumerate(grid.shape):
        index = torch.arange(nodes, device=values.device)
        shape = [nodes if other == axis else 1 for other in range(3)]
        if nodes > 2:
            coarse = coarse * (2.0 * (index % 2 == 0)).view(shape)
            inner = inner * ((index > 0) & (index < nodes - 1)).view(shape)
    return torch.stack([values, values * coarse, values * inner]).flatten(2).permute(2, 0, 1)


def _with_error(estimates: Tensor, like: Field) -> tuple[Tensor, Tensor]:
    """The values and their errors from the three estimates [..., 3, D]."""
    whole, coarse, inner = estimates.unbind(-2)
    error = ((whole - coarse).abs() + (whole - inner).abs()).detach()
    return whole.to(like.dtype), error.to(like.dtype)
