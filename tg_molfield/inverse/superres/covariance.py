"""The covariances of kriging, as functions of distance: sums of Gaussians, so that each factorises along the axes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

Terms = tuple[tuple[float, float], ...]

RANGE_RATIO = 4.0
"""The long range of a nested covariance over its short one."""


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


_SMOOTH = tuple(0.5 * 1.1**i for i in range(13))
_WIDER = tuple(0.7 * 1.25**i for i in range(8))


def _nested(share: float) -> Covariance:
    return Covariance(((1 - share, 1.0), (share, RANGE_RATIO)), 6 * RANGE_RATIO, _SMOOTH)


NESTED_SHARES = {"gaussian": 0.0, **{f"nested_{round(100 * share)}": share for share in (0.2, 0.4, 0.6, 0.8, 0.9)}}
"""The share of the long range in the variance, by the name of the covariance; none in ``"gaussian"``."""

COVARIANCES = {
    "gaussian": Covariance(((1.0, 1.0),), 6.0, _SMOOTH),
    **{name: _nested(share) for name, share in NESTED_SHARES.items() if share},
    "matern52": Covariance(((0.157, 0.5), (0.4518, 0.8062), (0.3912, 1.3)), 7.0, _WIDER),
    "matern32": Covariance(((0.0527, 0.25), (0.1336, 0.444), (0.4792, 0.7884), (0.3345, 1.4)), 7.5, _WIDER),
    "exponential": Covariance(((0.0777, 0.05), (0.1094, 0.1518), (0.4006, 0.461), (0.4123, 1.4)), 7.5, _WIDER),
}
"""From smooth to rough fields. ``"nested_60"`` and its like are sums of a short and a long range (nested structures;
Chilès and Delfiner 2012, section 2.4): atoms, and the body that they fill, with 60 % of the variance in the body.
``"exponential"`` is exp(−u), ``"matern32"`` and ``"matern52"`` are Matérn's of 3/2 and 5/2 (Rasmussen and Williams
2006, equation 4.17), all within 0.02 at any u. Rough ones suit cusps, such as those of electron densities at nuclei."""
