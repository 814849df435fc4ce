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
        slope: −Σ a e of each pair of points [P, S, N M]; Σ e where distances are scaled.
        curvature: Σ a² e; None where it follows from rates.
    """

    value: Tensor
    slope: Tensor
    curvature: Tensor | None


class Tables(Protocol):
    """What points share at any distance; both methods overwrite the squared distances [P, S, N M].

    Attributes:
        rates: a mean ``a`` [P] with which Σ a² e is a Σ a e, or None.
        scale: what squared distances are multiplied by beforehand [P, 1, 1], −a where all pairs of points have one, or
            None.
    """

    rates: Tensor | None
    scale: Tensor | None

    def values(self, distances: Tensor) -> Tensor:
        """Σ e of all pairs of points [P, S]."""

    def energies(self, distances: Tensor) -> Energies:
        """Σ e with its derivatives by the distance."""

    def part(self, index: Tensor | slice) -> Self:
        """Those of some of the pairs of functions."""

    def split(self, count: int) -> list[Self]:
        """Those of ``count`` pairs of functions at a time."""


class Rates(NamedTuple):
    """One ``a`` for all pairs of Gaussians of two functions, with which Σ a² e is taken as a Σ a e.

    Attributes:
        values: ``a`` [P].
        equal: whether all pairs of Gaussians have it; it is a mean otherwise.
    """

    values: Tensor
    equal: bool

    def part(self, index: Tensor) -> Rates:
        """Those of some of the pairs of functions."""
        return self._replace(values=self.values[index])


class PairTables:
    """The tables of P pairs of functions.

    Args:
        mobile: f, P functions of N Gaussians.
        fixed: g, P functions of M Gaussians.
        rates: for second derivatives, or None for exact ones.
    """

    def __init__(self, mobile: Terms, fixed: Terms, rates: Rates | None) -> None:
        first, second = 2 * math.pi**0.5 * mobile.variances, 2 * math.pi**0.5 * fixed.variances
        heights = torch.bmm(
            mobile.weights * (first * first.sqrt())[..., None],
            (fixed.weights * (second * second.sqrt())[..., None]).transpose(1, 2),
        )
        self.rates = None if rates is None else rates.values
        self.scale, self._slopes = None, None
        if rates is not None and rates.equal:
            heights.mul_(rates.values.pow(1.5)[:, None, None])
            self.scale = -rates.values[:, None, None]
        else:
            table = (2 * mobile.variances[:, :, None] + 2 * fixed.variances[:, None]).reciprocal_()
            heights.mul_(table).mul_(table.sqrt())
            self._slopes = table.neg_().flatten(1)[:, None]
        self._heights = heights.flatten(1)[:, None]

    def part(self, index: Tensor | slice) -> Self:
        part = object.__new__(type(self))
        part.rates, part.scale, part._slopes = (
            None if one is None else one[index] for one in (self.rates, self.scale, self._slopes)
        )
        part._heights = self._heights[index]
        return part

    def split(self, count: int) -> list[Self]:
        size = len(self._heights)
        return [self] if count >= size else [self.part(slice(i, i + count)) for i in range(0, size, count)]

    def values(self, distances: Tensor) -> Tensor:
        exponents = distances if self._slopes is None else distances.mul_(self._slopes)
        return exponents.clamp_min_(LEAST).exp_().mul_(self._heights).sum(2)

    def energies(self, distances: Tensor) -> Energies:
        value = self.values(distances)
        if self._slopes is None:
            return Energies(value, distances, None)
        slope = distances.mul_(self._slopes)
        return Energies(value, slope, slope * self._slopes if self.rates is None else None)


def rates_of(mobile: Terms, fixed: Terms) -> Rates | None:
    """The rate of all pairs of Gaussians where there is one; in single precision, a mean where it varies little."""
    means, least, most, equal = [], 0.0, 0.0, True
    for terms in (mobile, fixed):
        used = (terms.weights != 0).any(2)
        infinity = terms.variances.new_tensor(math.inf)
        low = float(torch.where(used, terms.variances, infinity).amin())
        high = float(torch.where(used, terms.variances, -infinity).amax())
        least, most, equal = least + low, most + high, equal and low == high
        means.append((terms.variances * used).sum(1) / used.sum(1).clamp_min(1))
    if equal:
        return Rates(torch.full_like(means[0], 0.5 / least), True)
    if mobile.pos.dtype == torch.float64 or not most <= _LIKE * least:
        return None
    return Rates(0.5 / (means[0] + means[1]).clamp_min(least / 2), False)
