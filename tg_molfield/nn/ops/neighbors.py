"""Pairs of points and atoms within a cutoff, in plain torch and in bounded memory."""

from __future__ import annotations

import torch
from torch import Tensor

_ROWS = 192
_PAIRS = 2**21


def radius_pairs(pos: Tensor, batch: Tensor, cutoff: float) -> Tensor:
    """All ordered pairs of different atoms of the same molecule that are less than ``cutoff`` apart.

    Args:
        pos: ``[N, 3]`` Å.
        batch: ``[N]`` int64, sorted.
        cutoff: Å, positive.

    Returns:
        ``edge_index [2, E]``: source and target, sorted by target.
    """
    pairs = atoms_near(pos, batch, pos, batch, cutoff)
    return pairs[:, pairs[0] != pairs[1]]


def atoms_near(query_pos: Tensor, query_batch: Tensor, pos: Tensor, batch: Tensor, cutoff: float) -> Tensor:
    """All pairs of an atom and a point of the same molecule that are less than ``cutoff`` apart.

    Tiles of consecutive points are compared with their molecules' atoms, so memory grows with the points, the atoms and
    the pairs found, never with the product of points and atoms.

    Args:
        query_pos: the points ``[Q, 3]`` Å.
        query_batch: their molecules ``[Q]`` int64, sorted.
        pos: the atoms ``[N, 3]`` Å.
        batch: their molecules ``[N]`` int64, sorted.
        cutoff: Å, positive.

    Returns:
        ``[2, E]``: atom and point, sorted by point.

    Raises:
        ValueError: ``cutoff`` is not positive.
    """
    if not cutoff > 0:
        raise ValueError(f"cutoff: expected a positive distance in Å, got {cutoff}; give one such as 4.0")
    num_points = query_pos.size(0)
    if num_points == 0 or pos.size(0) == 0:
        return batch.new_zeros(2, 0)
    query_pos, pos = query_pos.detach(), pos.detach()
    counts = torch.bincount(batch, minlength=int(query_batch[-1]) + 1)
    ends = counts.cumsum(0)
    begin_of, end_of = (ends - counts)[query_batch].tolist(), ends[query_batch].tolist()
    sources, targets = [], []
    row = 0
    while row < num_points:
        begin = begin_of[row]
        rows = max(1, min(_ROWS, _PAIRS // max(1, end_of[row] - begin)))
        stop = min(row + rows, num_points)
        end = end_of[stop - 1]
        difference = query_pos[row:stop].unsqueeze(1) - pos[begin:end].unsqueeze(0)
        near = difference.square().sum(2) < cutoff * cutoff
        near &= query_batch[row:stop].unsqueeze(1) == batch[begin:end]
        target, source = near.nonzero(as_tuple=True)
        sources.append(source + begin)
        targets.append(target + row)
        row = stop
    return torch.stack([torch.cat(sources), torch.cat(targets)])
