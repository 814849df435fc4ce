"""What the Gaussians of two points share as a function of their distance, one Gaussian a point."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from typing_extensions import Self

from tg_molfield.compare.terms import Terms

LEAST = -80.0
"""The least exponent; exponentials of numbers that underflow take fifty times as long."""

_LIKE = 2.0
"""Rates that differ by less than this factor are taken as equal in second derivatives in single precision."""


class Energies(NamedTuple):
    """Sums over the Gaussians of two points of e = P exp(−a D), D their squared distance.

    Attributes:
        value: Σ e of all pairs of points [P, S].
        slope: −Σ a e of each pair of points [P, S, N M].
        curvature: Σ a² e; None where it follows from mean rates.
    """

    value: Tensor
    slope: Tensor
    curvature: Tensor | None


class Tables(Protocol):
    """What points share at any distance; both methods overwrite the squared distances [P, S, N M].

    Attributes:
        rates: a mean ``a`` [P] with which Σ a² e is a Σ a e, or None.
    """

    rates: Tensor | None

    def values(self, distances: Tensor) -> Tensor:
        """Σ e of all pairs of points [P, S]."""

    def energies(self, distances: Tensor) -> Energies:
        """Σ e with its derivatives by the distance."""

    def part(self, index: Tensor | slice) -> Self:
        """Those of some of the pairs of functions."""

    def split(self, count: int) -> list[Self]:
        """Those of ``count`` pairs of functions at a time."""


class PairTables:
    """The tables of P pairs of functions.

    Args:
        mobile: f, P functions of N Gaussians.
        fixed: g, P functions of M Gaussians.
        rates: a mean ``a`` [P] for second derivatives, or None for exact ones.
    """

    def __init__(self, mobile: Terms, fixed: Terms, rates: Tensor | None) -> None:
        first, second = 2 * math.pi**0.5 * mobile.variances, 2 * math.pi**0.5 * fixed.variances
        heights = torch.bmm(
            mobile.weights * (first * first.sqrt())[..., None],
            (fixed.weights * (second * second.sqrt())[..., None]).transpose(1, 2),
        )
        table = (2 * mobile.variances[:, :, None] + 2 * fixed.variances[:, None]).reciprocal_()
        self._heights = heights.mul_(table).mul_(table.sqrt()).flatten(1)[:, None]
        self._slopes, self.rates = table.neg_().flatten(1)[:, None], rates

    @classmethod
    def _of(cls, heights: Tensor, slopes: Tensor, rates: Tensor | None) -> Self:
        tables = object.__new__(cls)
        tables._heights, tables._slopes, tables.rates = heights, slopes, rates
        return tables

    def part(self, index: Tensor | slice) -> Self:
        return self._of(self._heights[index], self._slopes[index], None if self.rates is None else self.rates[index])

    def split(self, count: int) -> list[Self]:
        parts = zip(self._heights.split(count), self._slopes.split(count), strict=True)
        return [self._of(heights, slopes, self.rates) for heights, slopes in parts]

    def values(self, distances: Tensor) -> Tensor:
        return distances.mul_(self._slopes).clamp_min_(LEAST).exp_().mul_(self._heights).sum(2)

    def energies(self, distances: Tensor) -> Energies:
        value = self.values(distances)
        slope = distances.mul_(self._slopes)
        return Energies(value, slope, slope * self._slopes if self.rates is None else None)


def mean_rates(mobile: Terms, fixed: Terms) -> Tensor | None:
    """``a`` [P] of Gaussians of mean variances; None in double precision, and where ``a`` varies much."""
    if mobile.pos.dtype == torch.float64:
        return None
    means, least, most = [], 0.0, 0.0
    for terms in (mobile, fixed):
        used = (terms.weights != 0).any(2)
        infinity = terms.variances.new_tensor(math.inf)
        least += float(torch.where(used, terms.variances, infinity).amin())
        most += float(torch.where(used, terms.variances, -infinity).amax())
        means.append((terms.variances * used).sum(1) / used.sum(1).clamp_min(1))
    if not most <= _LIKE * least:
        return None
    return 0.5 / (means[0] + means[1]).clamp_min(least / 2)
