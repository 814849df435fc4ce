"""What points share that have the same several Gaussians each, such as fits of 1/r.

The distances of two points are used for all pairs of their Gaussians, so the work is that of the exponentials alone.
"""

from __future__ import annotations

import copy
import math
from typing import NamedTuple

import torch
from torch import Tensor
from typing_extensions import Self

from tg_molfield.compare.alignment.pair_tables import LEAST, Energies
from tg_molfield.compare.terms import Terms

_SAME = 1e-5


class Mixture(NamedTuple):
    """Functions Σ_i q_i Σ_t h_t exp(−|x − r_i|²/(2 v_t)).

    Attributes:
        pos: r [P, N, 3] in Å.
        charges: q [P, N, C].
        heights: h, T numbers.
        variances: v, T numbers in Å².
    """

    pos: Tensor
    charges: Tensor
    heights: tuple[float, ...]
    variances: tuple[float, ...]

    def part(self, rows: Tensor, size: int) -> Mixture:
        """The first ``size`` points of some of the functions."""
        return self._replace(pos=self.pos[rows, :size], charges=self.charges[rows, :size])


class MixtureTables:
    """The tables of P pairs of functions, as `PairTables`.

    Args:
        mobile: f.
        fixed: g.
    """

    rates: Tensor | None = None
    scale: Tensor | None = None

    def __init__(self, mobile: Mixture, fixed: Mixture) -> None:
        self._charges = torch.bmm(mobile.charges, fixed.charges.transpose(1, 2)).flatten(1)[:, None]
        found: dict[float, float] = {}
        for h, v in zip(mobile.heights, mobile.variances, strict=True):
            for k, w in zip(fixed.heights, fixed.variances, strict=True):
                rate = 0.5 / (v + w)
                found[rate] = found.get(rate, 0.0) + h * k * (2 * math.pi * v * w / (v + w)) ** 1.5
        self._gaussians = sorted(found.items())

    def part(self, index: Tensor | slice) -> Self:
        part = copy.copy(self)
        part._charges = self._charges[index]
        return part

    def split(self, count: int) -> list[Self]:
        size = len(self._charges)
        return [self.part(slice(first, first + count)) for first in range(0, size, count)]

    def values(self, distances: Tensor) -> Tensor:
        total = torch.zeros_like(distances)
        for rate, height in self._gaussians:
            total.add_((distances * -rate).clamp_min_(LEAST).exp_(), alpha=height)
        return total.mul_(self._charges).sum(2)

    def energies(self, distances: Tensor) -> Energies:
        value, slope, curvature = (torch.zeros_like(distances) for _ in range(3))
        for rate, height in self._gaussians:
            e = (distances * -rate).clamp_min_(LEAST).exp_()
            value.add_(e, alpha=height)
            slope.add_(e, alpha=-height * rate)
            curvature.add_(e, alpha=height * rate**2)
        value, slope, curvature = (one.mul_(self._charges) for one in (value, slope, curvature))
        return Energies(value.sum(2), slope, curvature)


def as_mixture(terms: Terms) -> Mixture | None:
    """The functions with the Gaussians of each point taken together; None where points have others, or one alone."""
    count, size = terms.variances.shape
    if not count:
        return None
    repeats = int((terms.pos[0] == terms.pos[0, :1]).all(1).int().cumprod(0).sum())
    if repeats < 2 or repeats == size or size % repeats:
        return None
    pos = terms.pos.unflatten(1, (-1, repeats))
    weights = terms.weights.unflatten(1, (-1, repeats))
    variances = terms.variances.unflatten(1, (-1, repeats))
    used = (weights != 0).any(3).all(2)
    if not bool((pos == pos[:, :, :1]).all()) or not bool(used.any()) or bool((weights[~used] != 0).any()):
        return None
    row, point = (int(one[0]) for one in used.nonzero(as_tuple=True))
    channel = int(weights[row, point, 0].abs().argmax())
    heights = weights[row, point, :, channel] / weights[row, point, 0, channel]
    fits = torch.isclose(weights, heights[:, None] * weights[:, :, :1], rtol=_SAME, atol=0).all()
    if not bool(fits) or not torch.isclose(variances[used], variances[row, point], rtol=_SAME, atol=0).all():
        return None
    return Mixture(pos[:, :, 0], weights[:, :, 0], tuple(heights.tolist()), tuple(variances[row, point].tolist()))
