"""Pairs of atoms within a cutoff, in plain torch and in bounded memory."""

from __future__ import annotations

import torch
from torch import Tensor

_ROWS = 192
_PAIRS = 2**21


def radius_pairs(pos: Tensor, batch: Tensor, cutoff: float) -> Tensor:
    """All ordered pairs of different atoms of the same molecule that are less than ``cutoff`` apart.

    Atoms are compared in tiles of consecutive rows with their molecules' atoms, so memory grows with the atoms and
    the pairs found, never with the square of the atoms.

    Args:
        pos: ``[N, 3]`` Å.
        batch: ``[N]`` int64, sorted.
        cutoff: Å, positive.

    Returns:
        ``edge_index [2, E]``: source and target, sorted by target.
    """
    if not cutoff > 0:
        raise ValueError(f"cutoff is {cutoff}: give a positive distance in Å")
    num_atoms = pos.size(0)
    if num_atoms == 0:
        return batch.new_zeros(2, 0)
    pos = pos.detach()
    counts = torch.bincount(batch)
    ends = counts.cumsum(0)
    begin_of, end_of = (ends - counts)[batch].tolist(), ends[batch].tolist()
    sources, targets = [], []
    row = 0
    while row < num_atoms:
        begin = begin_of[row]
        rows = max(1, min(_ROWS, _PAIRS // (end_of[row] - begin)))
        stop = min(row + rows, num_atoms)
        end = end_of[stop - 1]
        difference = pos[row:stop].unsqueeze(1) - pos[begin:end].unsqueeze(0)
        near = difference.square().sum(2) < cutoff * cutoff
        near &= batch[row:stop].unsqueeze(1) == batch[begin:end]
        target, source = near.nonzero(as_tuple=True)
        target, source = target + row, source + begin
        other = target != source
        sources.append(source[other])
        targets.append(target[other])
        row = stop
    return torch.stack([torch.cat(sources), torch.cat(targets)])
