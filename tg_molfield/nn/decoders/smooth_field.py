"""A molecule as the Fourier coefficients of a smooth field, and what is left of it when Gaussians are taken away."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tg_molfield.nn.decoders.slots import Slots
from tg_molfield.nn.ops.fourier import FourierFeatures


class SmoothField(nn.Module):
    """Reads the sketch Σ_i p_i ⊗ γ(r_i) out of a code and compares slots with it.

    γ are the Fourier features of a position and p a learned linear image of the weights in the channels. The sketch is
    a smooth field: its value at x is its product with γ(x). Where it is no longer than the code it is the beginning of
    the code, as `FramePooling` makes it; otherwise it is a learned projection of the code.

    Args:
        num_channels: C.
        latent_dim: the length of a code.
        num_parts: P, the length of p; as long as the code has room for if None.
        num_waves: the number of waves; γ has J = 2 · num_waves entries.
    """

    def __init__(self, num_channels: int, latent_dim: int, num_parts: int | None = None, num_waves: int = 32) -> None:
        super().__init__()
        self.waves = FourierFeatures(num_waves)
        self.num_parts = num_parts or max(1, latent_dim // self.waves.out_channels)
        self.size = self.num_parts * self.waves.out_channels
        self.coefficients = nn.Linear(latent_dim, self.size) if self.size > latent_dim else nn.Identity()
        self.part = nn.Linear(num_channels, self.num_parts, bias=False)
        self.out_channels = self.num_parts + 3 * num_channels + 3

    def forward(self, code: Tensor) -> Tensor:
        """The sketch ``[B, P, J]`` that ``code [B, latent_dim]`` stands for."""
        return self.coefficients(code)[:, : self.size].unflatten(1, (self.num_parts, -1))

    def of(self, centers: Tensor, weights: Tensor) -> Tensor:
        """The sketch ``[B, P, J]`` of ``centers [B, K, 3]`` with ``weights [B, K, C]``."""
        return self.part(weights).transpose(1, 2) @ self.waves(centers)

    def compare(self, sketch: Tensor, slots: Slots) -> tuple[Tensor, Tensor]:
        """What each slot sees of ``sketch [B, P, J]`` and of the rest that the slots do not explain.

        Returns:
            Features ``[B, K, out_channels]``: the rest at the slot, the rest and the whole by channel, the pull and
            the slot's weights; and the pull ``[B, K, 3]``, the slope of the rest in the slot's own kind.
        """
        weights = slots.weights
        basis, derivative = self.waves.with_derivative(slots.centers)
        rest = sketch - self.part(weights).transpose(1, 2) @ basis
        kind = self.part(slots.logits.softmax(dim=2))
        pull = (derivative * (kind @ rest)) @ self.waves.waves.repeat(1, 2).T
        value = basis @ rest.transpose(1, 2)
        whole = basis @ sketch.transpose(1, 2)
        by_channel = [value @ self.part.weight, whole @ self.part.weight]
        return torch.cat([value, *by_channel, pull, weights], dim=2), pull
