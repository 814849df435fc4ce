"""Pairs of edges that share an atom, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.utils import degree

from tg_molfield.nn.ops.members import members_of


def num_edge_pairs(edge_index: Tensor, num_atoms: int) -> int:
    """How many pairs `edge_pairs` considers, k = i among them."""
    count = degree(edge_index[1], num_atoms, dtype=torch.int64)
    return int(count[edge_index[0]].sum())


def edge_pairs(edge_index: Tensor, num_atoms: int) -> tuple[Tensor, Tensor]:
    """All pairs of edges k → j and j → i with k ≠ i.

    Args:
        edge_index: ``[2, E]``, source and target, sorted by target.
        num_atoms: the number of atoms.

    Returns:
        The edges k → j and the edges j → i, ``[T]`` each, as columns of ``edge_index``.
    """
    source, target = edge_index
    count = degree(target, num_atoms, dtype=torch.int64)
    after, before = members_of(source, count)
    kept = source[before] != target[after]
    return before[kept], after[kept]
