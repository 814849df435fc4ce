"""Overlaps of functions with one Gaussian a point."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tg_molfield.compare.alignment.posed_overlap import LEAST, Energies, PosedOverlap
from tg_molfield.compare.terms import Terms

_LIKE = 2.0
"""Rates that differ by less than this factor are taken as equal in second derivatives in single precision."""


class PairOverlap(PosedOverlap):
    """∫ f g of P pairs of functions, as `PosedOverlap`.

    Args:
        mobile: f, P functions of N Gaussians.
        fixed: g, P functions of M Gaussians.
    """

    by_pair = ("_heights", "_rates", "_mean_rates")

    def __init__(self, mobile: Terms, fixed: Terms) -> None:
        super().__init__(mobile.pos, fixed.pos)
        total = mobile.variances[:, :, None] + fixed.variances[:, None]
        ratio = 2 * math.pi * mobile.variances[:, :, None] * fixed.variances[:, None] / total
        heights = (mobile.weights @ fixed.weights.transpose(1, 2)) * ratio * ratio.sqrt()
        self._heights, self._rates = heights[:, None], (0.5 / total)[:, None]
        self._mean_rates = _mean_rates(mobile, fixed)

    def values(self, distances: Tensor) -> Tensor:
        return distances.mul_(-self._rates).clamp_min_(LEAST).exp_().mul_(self._heights)

    def energies(self, distances: Tensor) -> Energies:
        zeroth = self.values(distances)
        first = zeroth * self._rates
        if self._mean_rates is not None:
            return Energies(zeroth, first, None, self._mean_rates)
        return Energies(zeroth, first, first * self._rates, None)


def _mean_rates(mobile: Terms, fixed: Terms) -> Tensor | None:
    """``a`` [P] of Gaussians of mean variances; None in double precision, and where ``a`` varies much."""
    if mobile.pos.dtype == torch.float64:
        return None
    used = [(terms.weights != 0).any(2) for terms in (mobile, fixed)]
    spread = [terms.variances[mask] for terms, mask in zip((mobile, fixed), used, strict=True)]
    if not all(map(len, spread)):
        return None
    least, most = (float(bound(spread[0])) + float(bound(spread[1])) for bound in (torch.min, torch.max))
    if most > _LIKE * least:
        return None
    means = [
        (terms.variances * mask).sum(1) / mask.sum(1).clamp_min(1)
        for terms, mask in zip((mobile, fixed), used, strict=True)
    ]
    return 0.5 / (means[0] + means[1]).clamp_min(least / 2)
