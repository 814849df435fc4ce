"""Points spread over a ball."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor


def ball_points(count: int, radius: float) -> Tensor:
    """``[count, 3]`` points in float64, spread evenly over a ball by a low-discrepancy sequence."""
    return _ball_points(count, radius).clone()


@lru_cache(maxsize=512)
def _ball_points(count: int, radius: float) -> Tensor:
    step = torch.arange(count, dtype=torch.float64) + 0.5
    height = 1 - 2 * torch.frac(step * 0.7548776662466927)
    angle = 2 * math.pi * step * 0.5698402909980532
    side = (1 - height.square()).sqrt()
    shell = radius * torch.frac(step * 0.6180339887498949) ** (1 / 3)
    return torch.stack([side * angle.cos(), side * angle.sin(), height], dim=1) * shell.unsqueeze(1)
