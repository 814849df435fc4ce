"""How alike two fields are: the peak signal-to-noise ratio, by the published convention and where there is matter."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.fields import Field, Grid, Volume

OCCUPIED = 0.01
"""The share of a channel's peak above which a node counts as occupied."""


class PSNR(NamedTuple):
    """Peak signal-to-noise ratios in dB; infinite where the fields agree exactly.

    Attributes:
        all_nodes: over all nodes and all channels, empty ones counted (the convention of arXiv 2502.10848). Empty
            space and empty channels flatter it.
        occupied: over the nodes where the target exceeds 1 % of its channel's peak, in channels that exist.
    """

    all_nodes: float
    occupied: float


def psnr(field: Field, target: Field, grid: Grid, peak: float | None = None) -> PSNR:
    """The peak signal-to-noise ratio of ``field`` against ``target`` on the nodes of ``grid``.

    The ratio is 10·log₁₀(peak² / mean square error).

    Args:
        field: the field to judge.
        target: what it should be; the peak and the occupied nodes are its own.
        grid: where both are compared.
        peak: the peak of every channel. If not given, each channel is divided by the greatest absolute value of
            the target on the grid first and the peak is 1; a channel without any is left as it is.

    Raises:
        ValueError: the channels differ, or values are not finite.
    """
    if field.channels != target.channels:
        raise ValueError(f"field, target: channels differ: {', '.join(field.channels)} / {', '.join(target.channels)}")
    values, truth = (_values(one, grid) for one in (field, target))
    for name, numbers in (("field", values), ("target", truth)):
        if not numbers.isfinite().all():
            raise ValueError(f"{name}: has NaN or infinite values on the grid")
    return psnr_of_values(values, truth.to(values), peak)


def psnr_of_values(values: Tensor, truth: Tensor, peak: float | None = None) -> PSNR:
    """`psnr` of samples: ``values`` and ``truth`` are [C, nodes]."""
    peaks = truth.abs().amax(1, keepdim=True)
    if peak is not None and not (math.isfinite(peak) and peak > 0):
        raise ValueError(f"peak={peak}: must be positive")
    scale = torch.where(peaks > 0, peaks, torch.ones_like(peaks)) if peak is None else torch.full_like(peaks, peak)
    errors = ((values - truth) / scale).double().square()
    occupied = (truth.abs() > OCCUPIED * peaks) & (peaks > 0)
    return PSNR(_decibel(errors.mean()), _decibel(errors[occupied].mean() if occupied.any() else errors.mean()))


def _values(field: Field, grid: Grid) -> Tensor:
    same = isinstance(field, Volume) and field.grid == grid
    volume = field if same else field.on(grid)
    assert isinstance(volume, Volume)
    return volume.values.detach().flatten(1)


def _decibel(mean_square: Tensor) -> float:
    error = float(mean_square)
    return math.inf if error == 0 else -10 * math.log10(error)
