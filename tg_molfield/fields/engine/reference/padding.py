"""Rows of a batch as a padded stack."""

from __future__ import annotations

import torch
from torch import Tensor


def sizes(batch: Tensor, num_graphs: int) -> Tensor:
    """The size of each graph [B], from a sorted batch vector [N]."""
    if num_graphs == 1:
        return torch.full((1,), len(batch), device=batch.device)
    edges = torch.searchsorted(batch, torch.arange(num_graphs + 1, device=batch.device))
    return edges.diff()


def filled(counts: Tensor, longest: int) -> Tensor:
    """The mask of filled places in a padded array [B, longest]."""
    return torch.arange(longest, device=counts.device) < counts[:, None]


def pad(rows: Tensor, batch: Tensor, counts: Tensor, longest: int) -> Tensor:
    """The rows [N, ...] of all graphs as [B, longest, ...], padded with zeros."""
    if len(rows) == len(counts) * longest:
        return rows.unflatten(0, (len(counts), longest))
    starts = counts.cumsum(0) - counts
    place = torch.arange(len(rows), device=rows.device) - starts[batch]
    return rows.new_zeros(len(counts), longest, *rows.shape[1:]).index_put((batch, place), rows)
