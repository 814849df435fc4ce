"""`Prediction`: where the network of the flow says that it ends."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Prediction(NamedTuple):
    """The parts of the state at the end of the flow.

    Attributes:
        pos: ``[B, n, 3]``, of order 1.
        kinds: logits of elements ``[B, n, T]``.
        counts: logits of numbers of hydrogens ``[B, n, 5]``.
        hydrogens: ``[B, n, 12]``, of order 1.
        orders: logits of bond orders ``[B, n, n, 4]``, 0 for no bond; None if the network does not predict them.
    """

    pos: Tensor
    kinds: Tensor
    counts: Tensor
    hydrogens: Tensor
    orders: Tensor | None = None

    def state(self, mask: Tensor) -> Tensor:
        """The state ``[B, n, size]`` that is expected, 0 where ``mask [B, n]`` is false."""
        parts = [self.pos, 2 * self.kinds.softmax(2) - 1, 2 * self.counts.softmax(2) - 1, self.hydrogens]
        return torch.cat([part.to(self.pos) for part in parts], dim=2) * mask.unsqueeze(2)
