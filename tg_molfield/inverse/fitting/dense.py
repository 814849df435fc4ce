"""Linear least squares by a QR decomposition that is built up from chunks of rows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tg_molfield.inverse.fitting.design import Basis, row_chunks
from tg_molfield.inverse.fitting.samples import Samples


def triangle(rows: Callable[[slice], Tensor], count: int, columns: int) -> Tensor:
    """The factor R of the QR decomposition of a matrix [count, columns], given in chunks of rows.

    It keeps the inner products of columns, all that least squares needs, without squaring the condition number.

    Returns:
        [min(count, columns), columns].
    """
    factor: Tensor | None = None
    for chunk in row_chunks(count, columns):
        block = rows(chunk)
        stacked = block if factor is None else torch.cat([factor, block])
        factor = torch.linalg.qr(stacked, mode="r")[1]
    assert factor is not None
    return factor


def solve_dense(
    samples: Samples, centers: Tensor, widths: Tensor, basis: Basis, ridge: float, rounding: float
) -> tuple[Tensor, int]:
    """The weights [N, C] of least squares and the numerical rank of the problem.

    Where functions are linearly dependent, this is the solution of least norm.

    Args:
        samples: what to fit to.
        centers: [N, 3].
        widths: [N].
        basis: the functions at the centres.
        ridge: added to the diagonal of the normal equations.
        rounding: the relative error with which the weights are kept, see `rounding_ridge`.
    """
    n, target = len(centers), samples.weighted()

    def rows(chunk: slice) -> Tensor:
        design = basis.values(samples.points[chunk], centers, widths) * samples.root[chunk, None]
        return torch.cat([design, target[chunk]], 1)

    factor = triangle(rows, len(target), n + target.shape[1])
    ridge += rounding_ridge(float(factor[:, :n].square().sum()), n, rounding)
    return solve_triangle(factor[:, :n], factor[:, n:], ridge)


def rounding_ridge(squares: float, unknowns: int, rounding: float) -> float:
    """The ridge by which weights that will be rounded minimise the squared error expected after it.

    Independent relative errors of the weights add rounding² Σ_i w_i² |a_i|² to it, with the columns a_i of the matrix.

    Args:
        squares: the sum of the squared columns.
        unknowns: how many columns there are; their mean is taken for each.
        rounding: the relative error; 0 for none.
    """
    return rounding**2 * squares / unknowns


def with_ridge(factor: Tensor, unknowns: int, ridge: float) -> Tensor:
    """The factor R after rows √ridge · 1 are appended below its first ``unknowns`` columns."""
    if ridge == 0:
        return factor
    below = torch.zeros(unknowns, factor.shape[1], dtype=factor.dtype, device=factor.device)
    below.diagonal().fill_(ridge**0.5)
    return torch.linalg.qr(torch.cat([factor, below]), mode="r")[1]


def solve_triangle(matrix: Tensor, target: Tensor, ridge: float = 0.0) -> tuple[Tensor, int]:
    """The w of least ‖matrix · w − target‖² + ridge ‖w‖², by singular values, and the rank of the matrix.

    Without a ridge it is the one of least norm.
    """
    left, size, right = torch.linalg.svd(matrix, full_matrices=False)
    floor = max(matrix.shape) * torch.finfo(matrix.dtype).eps * float(size[0])
    keep = size > max(floor, torch.finfo(matrix.dtype).tiny)
    inverse = torch.where(keep, 1 / (size + ridge / size), torch.zeros_like(size))
    return right.mT @ (inverse[:, None] * (left.mT @ target)), int(keep.sum())
