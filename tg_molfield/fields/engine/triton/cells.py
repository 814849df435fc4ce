"""Positions sorted into a lattice of cells on the device, for kernels that walk over nearby rows.

Every graph has the same lattice of n³ cells over the bounding box of all rows. Cells are numbered in boustrophedon
("snake") order, so that neighbours in the sorted order are neighbours in space, and the cells of a column along z are
one run of rows. With n = 1 a cell is a whole graph, and sorted batch vectors need no sorting.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from tg_molfield.fields.engine.triton.capture import check_not_captured

_MOST_CELLS = 64
_BLOCK = 256


@dataclass(frozen=True)
class Cells:
    """Rows sorted by graph and cell.

    Args:
        n: the number of cells along each axis.
        order: the row at each place of the sorted order, int64 [N]; None if rows are in order already.
        starts: the first place of each cell, int32 [B · n³ + 1].
        low: lower corner of the lattice in Å, and the least of all other columns that were given.
        high: upper corner of the lattice in Å, and the greatest of all other columns.
    """

    n: int
    order: Tensor | None
    starts: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, pos: Tensor, batch: Tensor, num_graphs: int, n: int) -> Cells:
        """The cells of rows with a sorted batch vector [N].

        Args:
            pos: positions in Å, and possibly more columns [N, 3 + D].
            batch: graph of each row.
            num_graphs: B.
            n: the number of cells along each axis; see `cells_per_axis`.
        """
        if n == 1:
            return cls(1, None, _starts_of_graphs(batch, num_graphs), pos, pos)
        low, high = torch.aminmax(pos, dim=0)
        number = num_graphs * n**3
        keys = torch.empty(len(pos), dtype=_key_type(number), device=pos.device)
        programs = triton.cdiv(len(pos), _BLOCK)
        _write_keys[(programs,)](pos, batch, low, high, keys, len(pos), n, num_graphs, STEP=pos.shape[1], BLOCK=_BLOCK)
        keys, order = torch.sort(keys, stable=True)
        starts = torch.searchsorted(keys, _range(number + 1, keys.dtype, pos.device), out_int32=True)
        return cls(n, order, starts, low, high)

    def take(self, rows: Tensor) -> Tensor:
        """Rows [N, ...] in the sorted order."""
        return rows if self.order is None else rows.index_select(0, self.order)


def cells_per_axis(rows: int, num_graphs: int, rows_without_cells: int, rows_of_a_cell: int) -> int:
    """The number of cells along each axis for a mean number of rows in a cell.

    Args:
        rows: the number of rows of all graphs.
        num_graphs: the number of graphs.
        rows_without_cells: graphs with up to this mean number of rows are one cell each.
        rows_of_a_cell: the mean number of rows in a cell.
    """
    mean = rows / max(1, num_graphs)
    if mean <= rows_without_cells:
        return 1
    most = min(_MOST_CELLS, int((2**24 / num_graphs) ** (1 / 3)))
    return max(1, min(most, round((mean / rows_of_a_cell) ** (1 / 3))))


def _starts_of_graphs(batch: Tensor, num_graphs: int) -> Tensor:
    if num_graphs == 1:
        return _one_graph(len(batch), batch.device)
    return torch.searchsorted(batch, _range(num_graphs + 1, batch.dtype, batch.device), out_int32=True)


@functools.lru_cache(64)
def _one_graph(rows: int, device: torch.device) -> Tensor:
    check_not_captured()
    return _range(2, torch.int32, device) * rows


@functools.lru_cache(64)
def _range(length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    check_not_captured()
    return torch.arange(length, dtype=dtype, device=device)


def _key_type(number: int) -> torch.dtype:
    """The narrowest type for the numbers of all cells and one more: sorting takes time by the width of its keys."""
    return torch.int16 if number < 2**15 else torch.int32


@triton.jit
def cell_place(x, low, high, n, otherwise):
    """The place along one axis of the cell that holds x, clamped to the lattice; ``otherwise`` for NaN."""
    t = (x - low) * (n / tl.maximum(high - low, 1e-3))
    t = tl.where(t == t, t, otherwise * 1.0)
    return tl.minimum(tl.maximum(t, 0.0), n - 1.0).to(tl.int32)


@triton.jit
def cell_gap(i, low, high, n, least, most):
    """The squared distance along one axis from the cells at place i to the interval [least, most]; 0 for n = 1."""
    side = tl.maximum(high - low, 1e-3) / n
    start = low + i * side
    gap = tl.maximum(tl.maximum(start - most, least - start - side) - 1e-3 * side, 0.0)
    return tl.where(n > 1, gap * gap, 0.0)


@triton.jit
def snake_column(i, j, n):
    """The number of the column of cells along z at places i and j."""
    return i * n + tl.where(i % 2 == 0, j, n - 1 - j)


@triton.jit
def column_run(starts, graph, i, j, first, last, n):
    """The first row and the end of the rows in the cells from ``first`` to ``last`` of a column along z."""
    column = snake_column(i, j, n)
    low = tl.where(column % 2 == 0, first, n - 1 - last)
    cell = (graph * n * n + column) * n + low
    return tl.load(starts + cell), tl.load(starts + cell + last - first + 1)


@triton.jit(do_not_specialize=["rows", "n", "num_graphs"])
def _write_keys(pos, batch, low, high, keys, rows, n, num_graphs, STEP: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = row < rows
    i = cell_place(tl.load(pos + row * STEP, mask=inside, other=0.0), tl.load(low), tl.load(high), n, 0)
    j = cell_place(tl.load(pos + row * STEP + 1, mask=inside, other=0.0), tl.load(low + 1), tl.load(high + 1), n, 0)
    k = cell_place(tl.load(pos + row * STEP + 2, mask=inside, other=0.0), tl.load(low + 2), tl.load(high + 2), n, 0)
    graph = tl.load(batch + row, mask=inside, other=0).to(tl.int32)
    graph = tl.minimum(tl.maximum(graph, 0), num_graphs - 1)
    column = snake_column(i, j, n)
    k = tl.where(column % 2 == 0, k, n - 1 - k)
    tl.store(keys + row, (graph * n * n + column) * n + k, mask=inside)
