"""Fewer Gaussians in place of many, for the search for poses of large molecules."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.compare.terms import Terms

MOST = 400
"""Gaussians of a molecule that are searched with as they are."""

_GROWTH = 1.15
_FIRST_EDGE = 1.0


def coarsened(terms: Terms) -> Terms:
    """Functions of at most `MOST` Gaussians: those in one cube of a grid become one of the same integrals.

    The Gaussian that stands for several lies in their middle and has their mean variance and the spread of their
    centres. Functions that are small enough stay as they are.
    """
    used = (terms.weights != 0).any(2)
    if int(used.sum(1).max()) <= MOST:
        return terms
    single = [_merged(*(one[row][mask] for one in terms)) for row, mask in enumerate(used)]
    size = max(len(one.pos) for one in single)
    padded = [
        Terms(
            torch.cat([one.pos, one.pos.new_zeros(size - len(one.pos), 3)]),
            torch.cat([one.variances, one.variances.new_ones(size - len(one.pos))]),
            torch.cat([one.weights, one.weights.new_zeros(size - len(one.pos), one.weights.shape[1])]),
        )
        for one in single
    ]
    return Terms(*(torch.stack(parts) for parts in zip(*padded, strict=True)))


def _merged(pos: Tensor, variances: Tensor, weights: Tensor) -> Terms:
    edge = _FIRST_EDGE
    cubes = torch.arange(len(pos), device=pos.device)
    while len(pos) > MOST:
        _, cubes = torch.unique((pos / edge).floor(), dim=0, return_inverse=True)
        if int(cubes.max()) < MOST:
            break
        edge *= _GROWTH
    count = int(cubes.max()) + 1 if len(cubes) else 0

    def total(values: Tensor) -> Tensor:
        return values.new_zeros(count, *values.shape[1:]).index_add_(0, cubes, values)

    volumes = variances**1.5
    share = weights.abs().sum(1) * volumes
    share = share / total(share)[cubes]
    center = total(share[:, None] * pos)
    spread = total(share * (pos - center[cubes]).square().sum(1)) / 3
    variance = total(share * variances) + spread
    return Terms(center, variance, total(weights * volumes[:, None]) / variance[:, None] ** 1.5)
