"""Channels whose functions are certain: they explain the samples, and searches from other starts agree on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from tg_molfield.fields import Grid, RBFField, Volume
from tg_molfield.inverse.superres.gaussian_search import found_functions
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.inverse.superres.pursuit import Search

_EXPLAINED = 1e-3
"""The share of the samples, by norm, that functions may leave unexplained."""
_AGREED = 0.3
"""How far searches may be apart between the nodes, in terms of how far kriging is from them."""


def agreed_channels(
    volume: Volume,
    kriged: LatticeField,
    together: RBFField,
    sought: dict[int, float],
    searches: dict[int, list[Search]],
    unknown: Sequence[int],
) -> list[int]:
    """The channels of which the Gaussians found are nearer to the truth than kriging is.

    Where kriging and Gaussians that explain the samples differ between the nodes, either may be right; Gaussians are
    where searches that started from different places found the same.

    Args:
        volume: the samples.
        kriged: from all of them.
        together: the functions, averaged over searches.
        sought: the channels of the searches and their widths.
        searches: two or more of each, with all samples; with fewer none is certain.
        unknown: the channels without a width.
    """
    runs = [
        {c: [found[i]] for c, found in searches.items()} for i in range(min(map(len, searches.values()), default=0))
    ]
    if len(runs) < 2:
        return []
    grid = _between(volume.grid)
    left = _norms(volume.values - together.on(volume.grid).values)
    each = torch.stack([found_functions(volume, sought, run, unknown).on(grid).values for run in runs])
    mean = each.mean(0)
    spread = _norms((each - mean).flatten(0, 1)).view(len(runs), -1).square().sum(0)
    uncertain = (spread / (len(runs) * (len(runs) - 1))).sqrt()
    certain = (left < _EXPLAINED * _norms(volume.values)) & (
        uncertain < _AGREED * _norms(kriged.on(grid).values - mean)
    )
    return certain.nonzero()[:, 0].tolist()


def _between(grid: Grid) -> Grid:
    """The middles of the cells of a grid."""
    origin = grid.origin_tensor() + grid.axes_tensor().sum(0) / 2
    x, y, z = origin.tolist()
    nx, ny, nz = (max(number - 1, 1) for number in grid.shape)
    return replace(grid, origin=(x, y, z), shape=(nx, ny, nz))


def _norms(values: Tensor) -> Tensor:
    return values.flatten(1).norm(dim=1)
