"""Pairs of bonds that meet at an atom, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor


def bond_pairs(edge_index: Tensor, num_atoms: int) -> tuple[Tensor, Tensor]:
    """All pairs of bonds k → j and j → i with k ≠ i.

    Args:
        edge_index: ``[2, E]``, source and target, sorted by target.
        num_atoms: the number of atoms.

    Returns:
        The bonds k → j and the bonds j → i, ``[T]`` each, as places in ``edge_index``.
    """
    source, target = edge_index
    count = torch.bincount(target, minlength=num_atoms)
    start = count.cumsum(0) - count
    size = count[source]
    after = torch.repeat_interleave(size)
    within = torch.arange(after.size(0), device=after.device) - (size.cumsum(0) - size)[after]
    before = start[source[after]] + within
    kept = source[before] != target[after]
    return before[kept], after[kept]
