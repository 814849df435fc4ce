"""Centres with one width per channel, split into centres with a single width."""

from __future__ import annotations

import torch
from torch import Tensor


def one_width_each(
    centers: Tensor, weights: Tensor, widths: Tensor, batch: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Split N centres with widths [N, C] into N · C centres, each with one width and one channel."""
    channels = weights.shape[1]
    return (
        centers.repeat_interleave(channels, 0), torch.diag_embed(weights).flatten(0, 1), widths.flatten(),
        batch.repeat_interleave(channels, 0),
    )  # fmt: skip
