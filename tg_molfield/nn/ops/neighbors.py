"""Pairs of points and atoms within a cutoff, in plain torch, in time and memory linear in the atoms."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from tg_molfield.nn.ops.pieces import runs_of

_ROWS = 192
_CELLS_FROM = 800
"""Atoms of a molecule from which sorting them into cells is quicker than comparing all pairs."""
_PAIRS_AT_ONCE = 2**18
_SLACK = 1e-4
"""By how much cells are larger than the cutoff, so that rounding hides no pair."""


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

    Points are compared with all atoms of small molecules, and with the atoms of the cells around them in large ones, a
    bounded number at a time.

    Args:
        query_pos: the points ``[Q, 3]`` Å.
        query_batch: their molecules ``[Q]`` int64, sorted.
        pos: the atoms ``[N, 3]`` Å.
        batch: their molecules ``[N]`` int64, sorted.
        cutoff: Å, positive.

    Returns:
        ``[2, E]``: atom and point, sorted by point and then by atom.

    Raises:
        ValueError: ``cutoff`` is not positive.
    """
    if not cutoff > 0:
        raise ValueError(f"cutoff: expected a positive distance in Å, got {cutoff}; give one such as 4.0")
    if query_pos.size(0) == 0 or pos.size(0) == 0:
        return batch.new_zeros(2, 0)
    counts = torch.bincount(batch, minlength=int(query_batch[-1]) + 1)
    find = _among_all if int(counts.max()) < _CELLS_FROM else _in_cells
    return find(query_pos.detach(), query_batch, pos.detach(), batch, counts, cutoff)


def _among_all(
    query_pos: Tensor, query_batch: Tensor, pos: Tensor, batch: Tensor, counts: Tensor, cutoff: float
) -> Tensor:
    """Tiles of consecutive points compared with all atoms of their molecules, which have ``counts [B]`` of them."""
    ends = counts.cumsum(0)
    begin_of, end_of = (ends - counts)[query_batch].tolist(), ends[query_batch].tolist()
    sources, targets = [], []
    for row in range(0, query_pos.size(0), _ROWS):
        rows = slice(row, row + _ROWS)
        begin, end = begin_of[row], end_of[rows][-1]
        difference = query_pos[rows].unsqueeze(1) - pos[begin:end].unsqueeze(0)
        near = difference.square().sum(2) < cutoff * cutoff
        near &= query_batch[rows].unsqueeze(1) == batch[begin:end]
        target, source = near.nonzero(as_tuple=True)
        sources.append(source + begin)
        targets.append(target + row)
    return torch.stack([torch.cat(sources), torch.cat(targets)])


def _in_cells(
    query_pos: Tensor, query_batch: Tensor, pos: Tensor, batch: Tensor, counts: Tensor, cutoff: float
) -> Tensor:
    """Points compared with the atoms of the 27 cells around each, whose sides are no shorter than the cutoff."""
    cells, asked, row = _cells(query_pos, query_batch, pos, batch, counts.size(0), cutoff)
    cells, order = cells.sort()
    columns = torch.tensor([dx * row[0] + dy * row[1] for dx, dy in itertools.product((-1, 0, 1), repeat=2)])
    middle = asked.unsqueeze(1) + columns.to(asked)
    first = torch.searchsorted(cells, middle - 1)
    size = torch.searchsorted(cells, middle + 1, right=True) - first
    found = []
    for rows in runs_of(size.sum(1), _PAIRS_AT_ONCE):
        count, begin = size[rows].flatten(), first[rows].flatten()
        run = torch.repeat_interleave(count)
        within = torch.arange(run.size(0), device=run.device) - (count.cumsum(0) - count)[run]
        atom, point = order[begin[run] + within], run // columns.size(0) + rows.start
        near = (query_pos[point] - pos[atom]).square().sum(1) < cutoff * cutoff
        key = (point[near] * pos.size(0) + atom[near]).sort().values
        found.append(torch.stack([key % pos.size(0), key // pos.size(0)]))
    return torch.cat(found, dim=1)


def _cells(
    query_pos: Tensor, query_batch: Tensor, pos: Tensor, batch: Tensor, num_graphs: int, cutoff: float
) -> tuple[Tensor, Tensor, tuple[int, int]]:
    """The cells of the atoms ``[N]`` and of the points ``[Q]``, and the steps to the next cell along x and along y.

    The next cell along z has the next number. Every molecule has cells of its own, with an empty layer around them.
    """
    places, graph = torch.cat([pos, query_pos]).double(), torch.cat([batch, query_batch])
    lows = places.new_full((num_graphs, 3), torch.inf)
    places = places - lows.scatter_reduce(0, graph.unsqueeze(1).expand(-1, 3), places, "amin")[graph]
    most = int((2**62 / num_graphs) ** (1 / 3)) - 3
    side = max(cutoff * (1 + _SLACK), float(places.max()) / most)
    x, y, z = ((places / side).long() + 1).unbind(1)
    nx, ny, nz = (int(axis.max()) + 2 for axis in (x, y, z))
    cell = ((graph * nx + x) * ny + y) * nz + z
    return cell[: pos.size(0)], cell[pos.size(0) :], (ny * nz, nz)
