"""The design matrix of a fit and its derivatives by widths and centres, a chunk of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.fields.kernels import Kernel
from tg_molfield.fields.periodic import fold, images, periodic_reach

_NUMBERS_AT_ONCE = 2**22


def row_chunks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of the rows of a tall matrix: few enough for memory, at least four times as many as columns."""
    size = max(4 * columns, _NUMBERS_AT_ONCE // max(columns, 1), 1)
    yield from (slice(start, start + size) for start in range(0, rows, size))


@dataclass(frozen=True)
class Basis:
    """The basis functions of a fit: a kernel at centres and, in a periodic cell, at their images.

    Args:
        kernel: φ.
        cell: a complete cell [3, 3] in Å; None where nothing is periodic.
        pbc: which of its directions repeat [3], bool.
    """

    kernel: Kernel
    cell: Tensor | None = None
    pbc: Tensor | None = None

    def folded(self, points: Tensor) -> Tensor:
        """The points [Q, 3] folded into the cell, as the other methods expect them."""
        return points if self.cell is None or self.pbc is None else fold(points, self.cell, self.pbc)

    def copies(self, centers: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """The positions [M, 3] of centres [N, 3] with their periodic images, and the centre [M] of each."""
        if self.cell is None or self.pbc is None:
            return centers, torch.arange(len(centers), device=centers.device)
        return images(centers, self.cell, self.pbc, periodic_reach(self.kernel) * float(widths.max()))

    def values(self, points: Tensor, centers: Tensor, widths: Tensor) -> Tensor:
        """The functions [Q, N] of centres [N, 3] and widths [N]."""
        return self._summed(points, centers, widths, ())[0]

    def values_and_slopes(
        self, points: Tensor, centers: Tensor, widths: Tensor, parts: tuple[str, ...]
    ) -> tuple[Tensor, Tensor]:
        """The functions [Q, N] and their derivatives [Q, P] by the parameters that ``parts`` names.

        ``"widths"`` gives N columns, by log σ; ``"centers"`` gives 3 N, by x of all centres, then y, then z.
        """
        values, *slopes = self._summed(points, centers, widths, parts)
        return values, torch.cat(slopes, 1)

    def _summed(self, points: Tensor, centers: Tensor, widths: Tensor, parts: tuple[str, ...]) -> list[Tensor]:
        if self.cell is None:
            return self._columns(points, centers, widths, parts)
        copies, source = self.copies(centers, widths)
        shape, totals = (len(points), len(centers)), list[Tensor]()
        for some in torch.arange(len(copies), device=points.device).split(len(centers)):
            found = self._columns(points, copies[some], widths[source[some]], parts)
            totals = totals or [points.new_zeros(shape) for _ in found]
            for total, column in zip(totals, found, strict=True):
                total.index_add_(1, source[some], column)
        return totals

    def _columns(self, points: Tensor, centers: Tensor, widths: Tensor, parts: tuple[str, ...]) -> list[Tensor]:
        squares = (points[:, 0, None] - centers[:, 0]).square_()
        for axis in (1, 2):
            squares += (points[:, axis, None] - centers[:, axis]).square_()
        s = squares / widths.square()
        columns, slope = [self.kernel.value(s)], -2 * self.kernel.derivative(s) if parts else s
        if "widths" in parts:
            columns.append(slope * s)
        if "centers" in parts:
            slope = slope / widths.square()
            columns += [slope * (points[:, axis, None] - centers[:, axis]) for axis in range(3)]
        return columns
