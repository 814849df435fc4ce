"""The covariances of kriging, as functions of distance: sums of Gaussians, so that each factorises along the axes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

Terms = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Covariance:
    """k(u) = Σ_t share_t · exp(−u²/(2·factor_t²)), with u the distance over a width.

    Args:
        terms: the shares and the factors.
        reach: from which u on it counts as zero.
        candidates: the widths that are compared by likelihood, in steps of the grid.
    """

    terms: Terms
    reach: float
    candidates: tuple[float, ...]

    def __call__(self, u: Tensor) -> Tensor:
        return torch.stack([share * torch.exp(-0.5 * (u / factor).square()) for share, factor in self.terms]).sum(0)


_WIDER = tuple(0.7 * 1.25**i for i in range(8))

COVARIANCES = {
    "gaussian": Covariance(((1.0, 1.0),), 6.0, tuple(0.5 * 1.1**i for i in range(13))),
    "matern52": Covariance(((0.157, 0.5), (0.4518, 0.8062), (0.3912, 1.3)), 7.0, _WIDER),
    "matern32": Covariance(((0.0527, 0.25), (0.1336, 0.444), (0.4792, 0.7884), (0.3345, 1.4)), 7.5, _WIDER),
    "exponential": Covariance(((0.0777, 0.05), (0.1094, 0.1518), (0.4006, 0.461), (0.4123, 1.4)), 7.5, _WIDER),
}
"""From smooth to rough fields. ``"exponential"`` is exp(−u), ``"matern32"`` and ``"matern52"`` are Matérn's of 3/2 and
5/2 (Rasmussen and Williams 2006, equation 4.17), all within 0.02 at any u. Rough ones suit cusps, such as those of
electron densities at nuclei."""
