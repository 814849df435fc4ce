"""The matrix of a fit, centres by samples, and its derivatives by widths and centres, a chunk of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from tg_molfield.fields.kernels import Kernel

_NUMBERS_AT_ONCE = 2**22


def row_chunks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of the rows of a tall matrix: few enough for memory, at least four times as many as columns."""
    size = max(4 * columns, _NUMBERS_AT_ONCE // max(columns, 1), 1)
    yield from (slice(start, start + size) for start in range(0, rows, size))


def values_of(points: Tensor, centers: Tensor, widths: Tensor, kernel: Kernel) -> Tensor:
    """φ(|x − c|/σ) [Q, N]."""
    return kernel.value(_squares(points, centers, widths))


def values_and_slopes(
    points: Tensor, centers: Tensor, widths: Tensor, kernel: Kernel, parts: tuple[str, ...]
) -> tuple[Tensor, Tensor]:
    """φ [Q, N] and its derivatives [Q, P] by what ``parts`` names.

    ``"widths"`` gives N columns, by log σ; ``"centers"`` gives 3 N, by x of all centres, then y, then z.
    """
    s = _squares(points, centers, widths)
    slope = -2 * kernel.derivative(s)
    columns = [slope * s] if "widths" in parts else []
    if "centers" in parts:
        slope = slope / widths.square()
        columns += [slope * (points[:, axis, None] - centers[:, axis]) for axis in range(3)]
    return kernel.value(s), torch.cat(columns, 1)


def _squares(points: Tensor, centers: Tensor, widths: Tensor) -> Tensor:
    total = (points[:, 0, None] - centers[:, 0]).square_()
    for axis in (1, 2):
        total += (points[:, axis, None] - centers[:, axis]).square_()
    return total / widths.square()
