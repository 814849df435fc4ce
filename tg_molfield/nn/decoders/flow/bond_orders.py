"""Bond orders between united atoms."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from tg_molfield.nn.ops.token_blocks import RADII, distance_features

ORDERS = 4
"""No bond, and those of order 1 to 3."""


class BondOrders(nn.Module):
    """Logits of the bond orders between atoms, from their features and distances.

    Args:
        width: the size of an atom's features.
        channels: of a pair.
    """

    def __init__(self, width: int, channels: int = 64) -> None:
        super().__init__()
        self.sides = nn.Linear(width, 2 * channels, bias=False)
        self.distances = nn.Linear(RADII, channels)
        self.out = nn.Sequential(nn.SiLU(), nn.Linear(channels, channels), nn.SiLU(), nn.Linear(channels, ORDERS))

    def forward(self, x: Tensor, pos: Tensor) -> Tensor:
        """Logits ``[B, n, n, 4]``, the same for both directions.

        Args:
            x: features ``[B, n, W]``.
            pos: ``[B, n, 3]``, of order 1.
        """
        added, multiplied = self.sides(F.layer_norm(x, x.shape[2:])).chunk(2, dim=2)
        pairs = added.unsqueeze(2) + added.unsqueeze(1) + multiplied.unsqueeze(2) * multiplied.unsqueeze(1)
        return self.out(pairs + self.distances(distance_features(pos))).to(pos.dtype)
