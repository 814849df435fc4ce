"""Scattered points sorted into cubic cells, with the centres that reach each cell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.devices import in_widest_type
from tg_molfield.fields.engine.reference.boxes import boxes_in_reach

_POINTS_OF_A_CELL = 40
_PAIRS_OF_A_SECTION = 2**18
_MOST_CELLS = 2**16


@dataclass(frozen=True)
class Section:
    """A run of k cells and its M pairs of cell and centre.

    Args:
        sizes: the number of points in each cell [k].
        middles: middles of the cells [k, 3] in Å.
        counts: the number of centres that reach each cell [k].
        center: the centre of each pair [M], sorted by cell.
    """

    sizes: Tensor
    middles: Tensor
    counts: Tensor
    center: Tensor


@dataclass(frozen=True)
class Cells:
    """The K nonempty cells; lengths are in cells, and every graph has its own lattice of cells.

    Args:
        side: side of a cell in Å.
        lows: the lowest corner of each graph [B, 3] in Å.
        shape: the number of cells along each axis.
        order: the points sorted by cell [Q].
        keys: the linear indices of the cells [K], ascending.
        sizes: the number of points in each cell [K].
        graph: graph of each centre [N].
        position: position of each centre [N, 3].
        radius: reach of each centre [N, 3].
    """

    side: float
    lows: Tensor
    shape: tuple[int, int, int]
    order: Tensor
    keys: Tensor
    sizes: Tensor
    graph: Tensor
    position: Tensor
    radius: Tensor

    @classmethod
    def of(
        cls, centers: Tensor, radius: Tensor, center_batch: Tensor, pos: Tensor, batch: Tensor, num_graphs: int
    ) -> Cells:
        """The cells of points [Q, 3] and centres [N, 3] with reach ``radius`` [N], all in Å."""
        points, radius = in_widest_type(pos.detach()), in_widest_type(radius.detach())
        rows = batch[:, None].expand(-1, 3)
        lows = points.new_full((num_graphs, 3), math.inf).scatter_reduce(0, rows, points, "amin")
        highs = points.new_full((num_graphs, 3), -math.inf).scatter_reduce(0, rows, points, "amax")
        extents = (highs - lows).clamp_min(0)
        lows = torch.where(lows.isfinite(), lows, torch.zeros_like(lows))
        mean = float(radius.mean())
        side = (float(extents.prod(1).sum()) * _POINTS_OF_A_CELL / len(pos)) ** (1 / 3)
        side = max(min(max(side, 0.3 * mean), 1.2 * mean), float(extents.max()) / _MOST_CELLS)
        place = ((points - lows[batch]) / side).floor().long()
        nx, ny, nz = (place.amax(0) + 1).tolist()
        keys, order = _key(batch, place, (nx, ny, nz)).sort()
        keys, sizes = keys.unique_consecutive(return_counts=True)
        position = (centers.detach().to(lows) - lows[center_batch]) / side
        return cls(
            side, lows, (nx, ny, nz), order, keys, sizes, center_batch, position,
            (radius / side)[:, None].expand(-1, 3),
        )  # fmt: skip

    def sections(self) -> Iterator[Section]:
        """The cells in order, in sections that keep the lists of centres small."""
        spans = (self.position + self.radius).floor() - (self.position - self.radius).ceil() + 2
        last = torch.tensor(self.shape, dtype=spans.dtype, device=spans.device)
        pairs = float(torch.minimum(spans, last).prod(1).sum())
        for keys, sizes in zip(*self._split(max(1, math.ceil(pairs / _PAIRS_OF_A_SECTION))), strict=True):
            yield self._section(keys, sizes)

    def _split(self, sections: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        most = math.ceil(len(self.keys) / sections)
        return self.keys.split(most), self.sizes.split(most)

    def _section(self, keys: Tensor, sizes: Tensor) -> Section:
        nx, ny, nz = self.shape
        graph, place = self._place(keys)
        inside = (self.graph >= graph[0]) & (self.graph <= graph[-1])
        low, high = (int(place[0, 0]), int(place[-1, 0])) if bool(graph[0] == graph[-1]) else (0, nx - 1)
        x, reach = self.position[:, 0], self.radius[:, 0]
        mine = (inside & (x + reach >= low) & (x - reach <= high + 1)).nonzero()[:, 0]
        first, last = self.position.new_tensor([low, 0, 0]), self.position.new_tensor([high, ny - 1, nz - 1])
        which, box = boxes_in_reach(
            self.position[mine], self.radius[mine], first, last, torch.ones_like(first), is_round=True
        )
        center = mine[which]
        wanted = _key(self.graph[center], box, self.shape)
        row = torch.searchsorted(keys, wanted).clamp_max(len(keys) - 1)
        found = keys[row] == wanted
        row, order = row[found].sort()
        middles = self.lows[graph] + (place + 0.5) * self.side
        return Section(sizes, middles, torch.bincount(row, minlength=len(keys)), center[found][order])

    def _place(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        nx, ny, nz = self.shape
        rest, z = keys // nz, keys % nz
        rest, y = rest // ny, rest % ny
        return rest // nx, torch.stack([rest % nx, y, z], 1)


def _key(graph: Tensor, place: Tensor, shape: tuple[int, int, int]) -> Tensor:
    nx, ny, nz = shape
    return ((graph * nx + place[:, 0]) * ny + place[:, 1]) * nz + place[:, 2]
