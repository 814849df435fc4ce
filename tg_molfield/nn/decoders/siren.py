"""Codes to values at points: sine layers modulated by the code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from tg_molfield.nn.decoders.pointwise_decoder import PointwiseDecoder


class SirenDecoder(PointwiseDecoder):
    """A modulated SIREN under a smooth envelope.

    Sine layers with the initialisation of Sitzmann et al. 2020 (arXiv 2006.09661); a second network reads the code
    and multiplies every sine layer (Mehta et al. 2021, arXiv 2104.03960, equation 5), the decoder of arXiv 2502.10848.
    The result is multiplied by an envelope that is 1 near the origin and falls as a Gaussian outside a radius that
    the code gives, so that the field goes to 0 far away.

    Args:
        channels: the names of the C channels.
        latent_dim: the length of the codes.
        width: the size of a layer.
        num_layers: the number of sine layers.
        frequency: radians for each Å in the first layer, times √6.
        radius: Å; where the envelope begins to fall before training.
    """

    def __init__(
        self,
        channels: Sequence[str],
        latent_dim: int = 512,
        width: int = 256,
        num_layers: int = 5,
        frequency: float = 3.0,
        radius: float = 8.0,
    ) -> None:
        super().__init__(channels, latent_dim)
        if num_layers < 1:
            raise ValueError(f"num_layers is {num_layers}: give at least 1")
        self.frequency = frequency
        sizes = [3] + [width] * num_layers
        layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        modulators = [nn.Linear(latent_dim + (width if i else 0), width) for i in range(num_layers)]
        self.out = nn.Linear(width, len(self.channels))
        self.log_radius = nn.Linear(latent_dim, 1)
        with torch.no_grad():
            for i, layer in enumerate(layers):
                bound = 1 / 3 if i == 0 else math.sqrt(6 / width)
                layer.weight.uniform_(-bound, bound)
            for modulator in modulators:
                modulator.bias.fill_(1.0)
            self.out.weight.uniform_(-math.sqrt(6 / width), math.sqrt(6 / width))
            self.out.bias.zero_()
        self.layers = nn.ModuleList(layers)
        self.modulators = nn.ModuleList(modulators)
        self.set_extent(radius)

    @torch.no_grad()
    def set_extent(self, extent: float) -> None:
        """Let the envelope begin to fall at ``extent`` Å for every code."""
        self.log_radius.weight.zero_()
        self.log_radius.bias.fill_(math.log(extent))

    def values(self, code: Tensor, local: Tensor, batch: Tensor) -> Tensor:
        """See :meth:`PointwiseDecoder.values`."""
        gates = []
        hidden = code.new_zeros(code.size(0), 0)
        for modulator in self.modulators:
            hidden = modulator(torch.cat([hidden, code], dim=1)).relu()
            gates.append(hidden)
        x = local * self.frequency
        for layer, gate in zip(self.layers, gates, strict=True):
            x = torch.sin(layer(x)) * gate.index_select(0, batch)
        distance = (local.square().sum(1, keepdim=True) + 1e-12).sqrt()
        outside = (distance - self.log_radius(code).clamp(max=10.0).exp().index_select(0, batch)).clamp(min=0)
        return self.out(x) * torch.exp(-0.5 * outside.square())
