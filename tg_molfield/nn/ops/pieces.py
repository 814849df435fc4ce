"""Large sums over edges and atoms a piece at a time, so that memory stays small."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from torch_geometric.utils import degree

from tg_molfield.devices import is_on_host

_EDGES, _ROWS = 2**15, 2**14
"""Edges, and atoms where there are no edges, of a piece on a processor."""
_WIDER = 16
"""How many times more on other devices, which need long vectors to be quick."""
_RECORDED = 4
"""How many times more of one molecule are a single piece where gradients are recorded."""
_MOST_PIECES = 64
"""More would take longer in the backward pass, where each piece has a gradient for all atoms."""

ResultT = TypeVar("ResultT")


class Piece(NamedTuple):
    """Consecutive atoms, and the edges that end at them."""

    atoms: slice
    edges: slice


def pieces_of(edge_index: Tensor, batch: Tensor) -> list[Piece]:
    """The atoms of molecules in pieces, with about as many edges each; a single piece unless there are very many.

    Where gradients are recorded, what counts is the largest molecule, as batches can be made smaller.

    Args:
        edge_index: ``[2, E]``, source and target, sorted by target.
        batch: ``[N]`` int64, sorted: the molecule of each atom.
    """
    num_atoms, num_edges = batch.size(0), edge_index.size(1)
    most = _most(_EDGES, batch)
    if _is_one_piece(num_edges, most, batch, edge_index[1]):
        return [Piece(slice(0, num_atoms), slice(0, num_edges))]
    count = degree(edge_index[1], num_atoms, dtype=torch.int64)
    runs = runs_of(count, max(most, num_edges // _MOST_PIECES))
    ends = [0, *count.cumsum(0)[[run.stop - 1 for run in runs]].tolist()]
    return [Piece(run, slice(begin, end)) for run, begin, end in zip(runs, ends[:-1], ends[1:], strict=True)]


def rows_of(batch: Tensor) -> list[slice]:
    """The atoms of the molecules ``batch [N]`` in pieces; like `pieces_of`, for work that has no edges."""
    num_atoms, most = batch.size(0), _most(_ROWS, batch)
    if _is_one_piece(num_atoms, most, batch, slice(None)):
        return [slice(0, num_atoms)]
    return [slice(start, min(start + most, num_atoms)) for start in range(0, num_atoms, most)]


def _most(size: int, like: Tensor) -> int:
    return size if is_on_host(like) else _WIDER * size


def _is_one_piece(count: int, most: int, batch: Tensor, owner: Tensor | slice) -> bool:
    """Whether ``count`` rows, of the molecules ``batch[owner]``, are few enough to be computed at once."""
    if count <= most or not torch.is_grad_enabled():
        return count <= most
    return count <= _RECORDED * most or int(torch.bincount(batch[owner]).max()) <= _RECORDED * most


def runs_of(sizes: Tensor, most: int) -> list[slice]:
    """Runs of consecutive rows whose ``sizes [Q]``, Q ≥ 1, add up to at most ``most``, their first rows not counted."""
    last = torch.div(sizes.cumsum(0) - 1, most, rounding_mode="floor")
    stops = ((last[1:] != last[:-1]).nonzero()[:, 0] + 1).tolist()
    return [slice(start, stop) for start, stop in zip([0, *stops], [*stops, sizes.size(0)], strict=True)]


def run_pieces(function: Callable[..., ResultT], pieces: list[Piece] | list[slice]) -> list[ResultT]:
    """``function`` of each piece; where there are several and gradients are recorded, the backward pass repeats it."""
    if len(pieces) == 1 or not torch.is_grad_enabled():
        return [function(piece) for piece in pieces]
    return [checkpoint(function, piece, use_reentrant=False) for piece in pieces]
