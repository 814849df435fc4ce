"""Methods blended by how well they predict samples left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product

import torch
from torch import Tensor

_STEPS = 20
_LEAST_GAIN = 1e-3

BETWEEN_NODES = {
    True: {"learned": 3.0, "gaussians": 3.3},
    False: {"learned": 2.0, "gaussians": -0.2},
}
"""By how many dB more than that of kriging the error of a method falls from samples left out, a whole step from the
nearest, to points between the nodes; for channels in which Gaussians were sought, and others. Means over proteins that
neither the network nor any table knows."""


def best_shares(
    truth: Tensor, predictions: Mapping[str, Tensor], gains: Mapping[str, float] | None = None
) -> dict[str, float]:
    """The shares of up to three predictions, together 1, whose mixture is nearest to ``truth``.

    Args:
        truth: [M].
        predictions: [M] by name. The first is the one to fall back on: another share is taken only where it lowers the
            mean square error by more than a thousandth.
        gains: by how many dB the errors of a method are smaller where it is used than where it is judged, compared with
            those of the first; 0 if not given.
    """
    names = list(predictions)
    if len(names) == 1 or not truth.numel():
        return {name: float(name == names[0]) for name in names}
    factors = [10 ** (-(gains or {}).get(name, 0.0) / 20) for name in names]
    errors = torch.stack([f * (predictions[name] - truth) for f, name in zip(factors, names, strict=True)])
    moments = (errors @ errors.T / truth.numel()).tolist()
    others = range(1, len(names))
    least, best = moments[0][0] * (1 - _LEAST_GAIN), [1.0] + [0.0] * len(others)
    for numbers in product(range(_STEPS + 1), repeat=len(others)):
        if sum(numbers) > _STEPS:
            continue
        shares = [1 - sum(numbers) / _STEPS, *(number / _STEPS for number in numbers)]
        error = sum(a * b * moments[i][j] for i, a in enumerate(shares) for j, b in enumerate(shares))
        if error < least:
            least, best = error, shares
    return dict(zip(names, best, strict=True))


def decibels(truth: Tensor, prediction: Tensor, peak: float) -> float:
    """The PSNR of predictions [M] in dB; NaN where there are none."""
    error = float((prediction - truth).square().mean())
    return math.nan if math.isnan(error) else math.inf if error == 0 else 10 * math.log10(peak**2 / error)
