"""Overlaps of functions with one Gaussian a point."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tg_molfield.compare.alignment.posed_overlap import LEAST, Energies, PosedOverlap
from tg_molfield.compare.terms import Terms

_LIKE = 1.6
"""Rates that differ by less than this factor are taken as equal in second derivatives in single precision."""


class PairOverlap(PosedOverlap):
    """∫ f g of P pairs of functions, as `PosedOverlap`.

    Args:
        mobile: f, P functions of N Gaussians.
        fixed: g, P functions of M Gaussians.
    """

    by_pair = ("_heights", "_rates")

    def __init__(self, mobile: Terms, fixed: Terms) -> None:
        super().__init__(mobile.pos, fixed.pos)
        total = mobile.variances[:, :, None] + fixed.variances[:, None]
        ratio = 2 * math.pi * mobile.variances[:, :, None] * fixed.variances[:, None] / total
        heights = (mobile.weights @ fixed.weights.transpose(1, 2)) * ratio * ratio.sqrt()
        self._heights, self._rates = heights[:, None], (0.5 / total)[:, None]
        self._mean_rate = _mean_rate(mobile, fixed)

    def values(self, distances: Tensor) -> Tensor:
        return distances.mul_(-self._rates).clamp_min_(LEAST).exp_().mul_(self._heights)

    def energies(self, distances: Tensor) -> Energies:
        zeroth = self.values(distances)
        first = zeroth * self._rates
        if self._mean_rate is not None:
            return Energies(zeroth, first, None, self._mean_rate)
        return Energies(zeroth, first, first * self._rates, 0.0)


def _mean_rate(mobile: Terms, fixed: Terms) -> float | None:
    """``a`` of Gaussians of mean variances where it varies little; None where it does not, and in double precision."""
    if mobile.pos.dtype == torch.float64:
        return None
    used = [terms.variances[(terms.weights != 0).any(2)] for terms in (mobile, fixed)]
    if not all(map(len, used)):
        return None
    least, most = (float(bound(used[0])) + float(bound(used[1])) for bound in (torch.min, torch.max))
    return None if most > _LIKE * least else 0.5 / float(used[0].mean() + used[1].mean())
