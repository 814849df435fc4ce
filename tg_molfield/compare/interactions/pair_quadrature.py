"""Overlaps by pairs of channels of any two fields as sums over a grid, with estimates of their errors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tg_molfield.compare.interactions.pair_sums import channels_of_one_width
from tg_molfield.compare.quadrature import are_samples_on, interpolation_doubt, node_weights, with_error
from tg_molfield.devices import in_double, sent_to
from tg_molfield.fields import Field, Grid, RBFField, Volume

_TERMS_AT_ONCE = 2**22


def sums_on(f: Field, g: Field, grid: Grid) -> tuple[Tensor, Tensor]:
    """∫ f_c g_d d³r of two functions and the errors, [1, C, D] each."""
    first, second = f.on(grid), g.on(grid)
    periodic = [mine and theirs for mine, theirs in zip(first.periodic, second.periodic, strict=True)]
    weighted = _weighted(second, periodic, are_samples_on(grid, f, g))
    sums = in_double(first.values).flatten(1) @ weighted.flatten(1)
    values, errors = _rounded(sums.unflatten(1, (-1, 3))[None], f)
    doubts = interpolation_doubt(f, grid), interpolation_doubt(g, grid)
    for one, other in ((doubts[0], second.values), (first.values, doubts[1])):
        if one is not None and other is not None:
            off = in_double(one).flatten(1) @ in_double(other).flatten(1).T
            errors = errors + (off.detach().abs() * grid.voxel_volume).to(errors)
    return values, errors


def shares_on(f: RBFField, g: Field, grid: Grid) -> tuple[Tensor, Tensor]:
    """The shares of the centres of f in ∫ f_c g_d d³r and the errors, [N, C, D] each."""
    if f.cell is not None:
        each = [sums_on(center, g, grid) for center in _centers(f)]
        empty = f.weights.new_zeros(0, len(f.channels), len(g.channels)).to(torch.promote_types(f.dtype, torch.float32))
        shares, doubts = zip(*each, strict=True) if each else ([empty], [empty])
        return torch.cat(list(shares)), torch.cat(list(doubts))
    others = _weighted(g.on(grid), (False, False, False), False)
    own = f.to(others.device)
    nodes = grid.points(torch.float64, own.device)
    doubt = interpolation_doubt(g, grid)
    if doubt is not None:
        others = torch.cat([others, (doubt.T * grid.voxel_volume).to(others)[..., None]], 2)
    centers, weights = own.centers.double(), own.weights.double()
    total = weights.new_zeros(*weights.shape, *others.shape[1:])
    step = max(1, _TERMS_AT_ONCE // max(1, len(centers)))
    for some, values in zip(nodes.split(step), others.flatten(1).split(step), strict=True):
        squares = (centers[:, None] - some).square().sum(-1)
        for channels, widths in channels_of_one_width(own):
            table = f.kernel.value(squares / widths.double().square()[:, None])
            reached = (table @ values).unflatten(1, others.shape[1:])[:, None]
            total = total.index_add(1, channels, weights[:, channels, None, None] * reached)
    values, errors = _rounded(total[..., :3], f)
    return values, errors if doubt is None else errors + total[..., 3].detach().abs().to(errors)


def _centers(f: RBFField) -> list[RBFField]:
    """The centres of one function, each as a field of its own."""
    rows = [slice(i, i + 1) for i in range(len(f.centers))]
    return [
        RBFField(f.centers[row], f.weights[row], f.widths[row], f.kernel, f.channels, cell=f.cell, pbc=f.pbc)
        for row in rows
    ]


def _weighted(g: Volume, periodic: Sequence[bool], are_samples: bool) -> Tensor:
    """[Q, D, 3]: the values of g times the weights of the nodes in each rule."""
    values = in_double(g.values).flatten(1).T[..., None]
    return values * node_weights(g.grid, periodic, values.device, are_samples)[:, None]


def _rounded(sums: Tensor, like: Field) -> tuple[Tensor, Tensor]:
    values, errors = with_error(sums)
    dtype = torch.promote_types(like.dtype, torch.float32)
    return sent_to(values, like.device, dtype), sent_to(errors, like.device, dtype)
