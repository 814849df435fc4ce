"""Fourier features of positions in Å."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from tg_molfield.nn.ops.short_products import phases
from tg_molfield.precision import full_precision


class FourierFeatures(nn.Module):
    """The cosines and sines of fixed waves (Tancik et al. 2020, arXiv 2006.10739).

    The wavelengths are spread evenly in logarithm from ``longest`` to ``shortest``, the directions over the sphere.

    Args:
        num_waves: the number of waves.
        longest: Å.
        shortest: Å.

    Raises:
        ValueError: the wavelengths are not positive and in this order.
    """

    def __init__(self, num_waves: int = 32, longest: float = 12.0, shortest: float = 1.8) -> None:
        super().__init__()
        if not 0 < shortest <= longest:
            raise ValueError(
                f"shortest, longest: expected 0 < shortest <= longest in Å, got {shortest}, {longest}; swap them"
            )
        step = torch.arange(num_waves, dtype=torch.float64)
        length = longest * (shortest / longest) ** (step / max(num_waves - 1, 1))
        height = 1 - (2 * step + 1) / max(num_waves, 1)
        angle = step * math.pi * (3 - math.sqrt(5))
        side = (1 - height.square()).sqrt()
        direction = torch.stack([side * angle.cos(), side * angle.sin(), height])
        order = (step * 7919 % max(num_waves, 1)).long()
        waves = direction[:, order] * (2 * math.pi / length)
        self.register_buffer("waves", waves.to(torch.get_default_dtype()), persistent=False)
        self.waves: Tensor
        self.out_channels = 2 * num_waves
        self.scale = num_waves**-0.5

    @full_precision
    def forward(self, pos: Tensor) -> Tensor:
        """``pos [..., 3]`` → ``[..., 2 · num_waves]``, of norm 1."""
        phase = phases(pos, self.waves)
        return torch.cat([phase.cos(), phase.sin()], dim=-1) * self.scale

    @full_precision
    def with_derivative(self, pos: Tensor) -> tuple[Tensor, Tensor]:
        """The features and their derivatives by the phase of their wave, ``[..., 2 · num_waves]`` each."""
        phase = phases(pos, self.waves)
        cos, sin = phase.cos() * self.scale, phase.sin() * self.scale
        return torch.cat([cos, sin], dim=-1), torch.cat([-sin, cos], dim=-1)
