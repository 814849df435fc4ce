"""Pairs of points and atoms within a cutoff, in plain torch, in time and memory linear in the atoms."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.utils import degree

from tg_molfield.devices import in_widest_type, is_on_host, queued_to
from tg_molfield.nn.ops.pieces import runs_of

_COMPARED_ON_CPU, _COMPARED = 2**18, 2**24
"""Pairs of points and atoms that are compared at once on a processor, and on other devices."""
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
    return atoms_near(pos, batch, pos, batch, cutoff, others=True)


def atoms_near(
    query_pos: Tensor, query_batch: Tensor, pos: Tensor, batch: Tensor, cutoff: float, others: bool = False
) -> Tensor:
    """All pairs of an atom and a point of the same molecule that are less than ``cutoff`` apart.

    Points are compared with all atoms of small molecules, and with the atoms of the cells around them in large ones, a
    bounded number at a time.

    Args:
        query_pos: the points ``[Q, 3]`` Å.
        query_batch: their molecules ``[Q]`` int64, sorted.
        pos: the atoms ``[N, 3]`` Å.
        batch: their molecules ``[N]`` int64, sorted.
        cutoff: Å, positive.
        others: leave out pairs of an atom and a point with equal numbers, which are one where points are the atoms.

    Returns:
        ``[2, E]``: atom and point, sorted by point and then by atom.

    Raises:
        ValueError: ``cutoff`` is not positive.
    """
    if not cutoff > 0:
        raise ValueError(f"cutoff: expected a positive distance in Å, got {cutoff}; give one such as 4.0")
    if query_pos.size(0) == 0 or pos.size(0) == 0:
        return batch.new_zeros(2, 0)
    size = int(torch.maximum(batch[-1], query_batch[-1])) + 1
    both = torch.stack([degree(one, size, dtype=torch.int64) for one in (batch, query_batch)])
    counts, (listed, asked) = both[0], both.tolist()
    query_pos, pos = query_pos.detach(), pos.detach()
    if max(listed) < _CELLS_FROM:
        return _among_all(query_pos, asked, pos, listed, cutoff, others)
    pairs = _in_cells(query_pos, query_batch, pos, batch, counts, cutoff)
    return pairs[:, pairs[0] != pairs[1]] if others else pairs


def _among_all(
    query_pos: Tensor, asked: list[int], pos: Tensor, counts: list[int], cutoff: float, others: bool
) -> Tensor:
    """Points, of which B molecules have so many, compared with all of their ``counts`` atoms, padded to blocks."""
    most = _COMPARED_ON_CPU if is_on_host(pos) else _COMPARED
    found = []
    for some in _blocks(asked, counts, most):
        first, number, start, count = queued_to(torch.tensor(some), pos.device).T.unsqueeze(2)
        point = first + torch.arange(max(block.number for block in some), device=pos.device)
        atom = start + torch.arange(max(block.atoms for block in some), device=pos.device)
        q = query_pos[point.clamp(max=query_pos.size(0) - 1)].unsqueeze(2)
        a = pos[atom.clamp(max=pos.size(0) - 1)].unsqueeze(1)
        square = torch.zeros((), dtype=pos.dtype, device=pos.device)
        for along, other in zip(q.unbind(3), a.unbind(3), strict=True):
            square = square + (along - other).square()
        near = (square < cutoff * cutoff) & (point < first + number).unsqueeze(2) & (atom < start + count).unsqueeze(1)
        if others:
            near &= point.unsqueeze(2) != atom.unsqueeze(1)
        block, row, column = near.nonzero(as_tuple=True)
        found.append(torch.stack([atom[block, column], point[block, row]]))
    return torch.cat(found, dim=1) if found else torch.zeros(2, 0, dtype=torch.int64, device=pos.device)


class _Block(NamedTuple):
    """``number`` points from ``first`` on, and the ``atoms`` atoms from ``start`` on that they are compared with."""

    first: int
    number: int
    start: int
    atoms: int


def _blocks(asked: list[int], counts: list[int], most: int) -> Iterator[list[_Block]]:
    """Blocks of B molecules in groups that, padded to the largest, compare at most ``most`` pairs, or one atom more.

    Args:
        asked: how many points each molecule has.
        counts: how many atoms.
        most: pairs.
    """
    group: list[_Block] = []
    rows = columns = first = start = 0
    for points, atoms in zip(asked, counts, strict=True):
        step = max(most // max(atoms, 1), 1)
        for begin in range(0, points if atoms else 0, step):
            number = min(step, points - begin)
            rows, columns = max(rows, number), max(columns, atoms)
            if group and (len(group) + 1) * rows * columns > most:
                yield group
                group, rows, columns = [], number, atoms
            group.append(_Block(first + begin, number, start, atoms))
        first, start = first + points, start + atoms
    if group:
        yield group


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
    places, graph = in_widest_type(torch.cat([pos, query_pos])), torch.cat([batch, query_batch])
    lows = places.new_full((num_graphs, 3), torch.inf)
    places = places - lows.scatter_reduce(0, graph.unsqueeze(1).expand(-1, 3), places, "amin")[graph]
    most = int((2**62 / num_graphs) ** (1 / 3)) - 3
    side = max(cutoff * (1 + _SLACK), float(places.max()) / most)
    x, y, z = ((places / side).long() + 1).unbind(1)
    nx, ny, nz = (int(axis.max()) + 2 for axis in (x, y, z))
    cell = ((graph * nx + x) * ny + y) * nz + z
    return cell[: pos.size(0)], cell[pos.size(0) :], (ny * nz, nz)
