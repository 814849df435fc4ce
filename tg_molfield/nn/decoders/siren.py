"""`SirenDecoder`: codes to values at points by sine layers that the code modulates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch_geometric.nn.inits import reset

from tg_molfield.arguments import check_positive, require_counts
from tg_molfield.fields import MolField
from tg_molfield.nn.decoders.base import PointwiseDecoder
from tg_molfield.precision import full_precision


class SirenDecoder(PointwiseDecoder):
    """A modulated SIREN under a smooth envelope.

    Sine layers with the initialisation of Sitzmann et al. 2020 (arXiv 2006.09661); a second network reads the code
    and multiplies every sine layer (Mehta et al. 2021, arXiv 2104.03960, equation 5), the decoder of arXiv 2502.10848.
    The result is multiplied by an envelope that is 1 near the origin and falls as a Gaussian outside a radius read from
    the code, so that the field goes to 0 far away.

    Args:
        channels: the definition of the field, or the names of the C channels.
        latent_dim: the length of the codes.
        summary_channels: see `Decoder`.
        width: the size of a layer.
        num_layers: the number of sine layers.
        frequency: radians per Å in the first layer, times √6.
        radius: Å; where the envelope begins to fall before training.

    Raises:
        ValueError: an option is out of range.
    """

    compiled_methods = ("values",)

    def __init__(
        self,
        channels: MolField | Sequence[str],
        latent_dim: int = 512,
        summary_channels: int = 0,
        width: int = 256,
        num_layers: int = 5,
        frequency: float = 3.0,
        radius: float = 8.0,
    ) -> None:
        super().__init__(channels, latent_dim, summary_channels)
        require_counts(1, width=width, num_layers=num_layers)
        check_positive("frequency", frequency, "3 is the default")
        check_positive("radius", radius, "8 is the default")
        self.frequency = frequency
        self.radius = radius
        sizes = [3] + [width] * num_layers
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.modulators = nn.ModuleList(nn.Linear(latent_dim + (width if i else 0), width) for i in range(num_layers))
        self.out = nn.Linear(width, len(self.channels))
        self.log_radius = nn.Linear(latent_dim, 1)
        self._initialize()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for child in self.children():
            reset(child)
        self._initialize()

    @torch.no_grad()
    def _initialize(self) -> None:
        bound = math.sqrt(6 / self.out.in_features)
        for i, layer in enumerate(self.layers):
            assert isinstance(layer, nn.Linear)
            layer.weight.uniform_(-1 / 3, 1 / 3) if i == 0 else layer.weight.uniform_(-bound, bound)
        for modulator in self.modulators:
            assert isinstance(modulator, nn.Linear)
            modulator.bias.fill_(1.0)
        self.out.weight.uniform_(-bound, bound)
        self.out.bias.zero_()
        self.set_extent(self.radius)

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
        x = torch.sin(full_precision(self.layers[0])(local * self.frequency)) * gates[0].index_select(0, batch)
        for layer, gate in zip(self.layers[1:], gates[1:], strict=True):
            x = torch.sin(layer(x)) * gate.index_select(0, batch)
        distance = (local.square().sum(1, keepdim=True) + 1e-12).sqrt()
        radius = full_precision(self.log_radius)(code).clamp(max=10.0).exp()
        outside = (distance - radius.index_select(0, batch)).clamp(min=0)
        return self.out(x) * torch.exp(-0.5 * outside.square())
