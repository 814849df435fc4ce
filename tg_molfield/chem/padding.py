"""Rows of molecules, padded to the largest."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.utils import degree


class Padding:
    """Where rows of molecules are once they are padded; for any number of tensors, the host waits for a device once.

    Args:
        batch: ``[N]`` int64, sorted: the molecule of each row.
        num_graphs: B.

    Attributes:
        mask: ``[B, n]`` bool: whether there is a row.
    """

    def __init__(self, batch: Tensor, num_graphs: int) -> None:
        count = degree(batch, num_graphs, dtype=torch.int64)
        width = int(count.max()) if len(batch) else 1
        within = torch.arange(len(batch), device=batch.device) - (count.cumsum(0) - count)[batch]
        self.mask = torch.arange(width, device=batch.device) < count.unsqueeze(1)
        self._place = batch * width + within

    def __call__(self, rows: Tensor) -> Tensor:
        """``rows [N, …]`` as ``[B, n, …]``, 0 where padded."""
        padded = rows.new_zeros(self.mask.numel(), *rows.shape[1:])
        return padded.index_copy(0, self._place, rows).view(*self.mask.shape, *rows.shape[1:])

    def rows(self, padded: Tensor) -> Tensor:
        """``padded [B, n, …]`` as ``[N, …]``."""
        return padded.flatten(0, 1)[self._place]
