"""The weights of one round of messages with scalars and vectors, and the mixing that follows."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PaiNNLayer(nn.Module):
    """One round of an `PaiNNEncoder`: the weights of its messages, and the mixing on each atom.

    Args:
        width: the number F of scalars per atom.
        vectors: the number V of vectors per atom, at most F.
        num_radial: radial functions of the distance.
    """

    def __init__(self, width: int, vectors: int, num_radial: int) -> None:
        super().__init__()
        self.vectors = vectors
        self.filter = nn.Linear(num_radial, width + 2 * vectors, bias=False)
        self.sender = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width + 2 * vectors))
        self.mix = nn.Linear(vectors, 2 * vectors, bias=False)
        self.combine = nn.Sequential(
            nn.Linear(width + vectors, width), nn.SiLU(), nn.Linear(width, width + 2 * vectors)
        )

    def forward(self, s: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Scalars ``[N, F]`` and vectors ``[N, 3, V]`` mixed; inner products go to the first V scalars."""
        left, right = self.mix(v).chunk(2, dim=2)
        norm = (left.square().sum(1) + 1e-8).sqrt()
        scalar, product, gate = self.combine(torch.cat([s, norm], dim=1)).split(
            [s.size(1), self.vectors, self.vectors], dim=1
        )
        inner = F.pad(product * (left * right).sum(1), (0, s.size(1) - self.vectors))
        return s + scalar + inner, v + gate.unsqueeze(1) * right
