"""The engine for a sum: Triton kernels where they apply, PyTorch everywhere else.

Sums of weights of 16 bits are computed in float32 and have their type; places may be given in float32.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence

import torch
from torch import Tensor

from tg_molfield.fields.engine.checks import check_grids, check_out
from tg_molfield.fields.engine.functorch import is_transformed
from tg_molfield.fields.engine.reference import grids as reference_grids
from tg_molfield.fields.engine.reference import points as reference_points
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.kernels import KERNELS, Kernel
from tg_molfield.precision import HALF_TYPES, full_precision, widened

_MOST_CHANNELS = 64
_MOST_INDICES = 2**31
_COLUMNS = 4
"""Of the rows of centres and widths that kernels on grids read, with indices of 32 bits."""


def sum_on_grid(
    centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, grid: Grid, out: Tensor | None = None
) -> Tensor:
    """Σ_i weights_i φ(|x − c_i|/σ_i) at all nodes of a grid.

    Args:
        centers: [N, 3] in Å.
        weights: [N, C].
        widths: σ [N] in Å, or [N, C] for one per channel.
        kernel: φ.
        grid: the nodes.
        out: contiguous tensor [C, nx, ny, nz] for the values; only while no gradient is recorded.

    Returns:
        The values [C, nx, ny, nz], differentiable with respect to centres, weights and widths.

    Raises:
        ValueError: ``out`` has the wrong shape, type or device, or a gradient is recorded.
    """
    batch = torch.zeros(len(centers), dtype=torch.long, device=centers.device)
    values = None if out is None else out[None]
    return sums_on_grids(centers, weights, widths, kernel, batch, [grid], values).squeeze(0)


@full_precision
def sums_on_grids(
    centers: Tensor,
    weights: Tensor,
    widths: Tensor,
    kernel: Kernel,
    batch: Tensor,
    grids: Sequence[Grid],
    out: Tensor | None = None,
) -> Tensor:
    """`sum_on_grid` for B molecules at once, each on its own grid; all grids have the same shape.

    Args:
        centers: [N, 3] in Å.
        weights: [N, C].
        widths: σ [N] in Å, or [N, C] for one per channel.
        kernel: φ.
        batch: molecule of each centre [N], int64 and sorted.
        grids: B ≥ 1 grids.
        out: contiguous tensor [B, C, nx, ny, nz] for the values; only while no gradient is recorded.

    Returns:
        The values [B, C, nx, ny, nz], differentiable with respect to centres, weights and widths.

    Raises:
        ValueError: no grids, grids of different shapes, or an ``out`` that `sum_on_grid` refuses.
    """
    check_grids(grids, one_shape=True)
    if out is not None:
        check_out(out, (len(grids), weights.shape[1], *grids[0].shape), (weights, centers, widths))
    if weights.dtype in HALF_TYPES:
        values = sums_on_grids(*_wide(centers, weights, widths), kernel, batch, grids).to(weights)
        return values if out is None else out.copy_(values)
    if uses_triton(centers, weights, kernel) and all(grid.num_nodes < _MOST_INDICES for grid in grids):
        from tg_molfield.fields.engine.triton import grids as triton_grids

        return triton_grids.sums_on_grids(centers, weights, widths, kernel, batch, grids, out)
    return reference_grids.sums_on_grids(centers, weights, widths, kernel, batch, grids, out)


@full_precision
def sums_on_each_grid(
    centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, batch: Tensor, grids: Sequence[Grid]
) -> list[Tensor]:
    """`sums_on_grids` for grids of any shapes.

    Returns:
        The values [C, nx, ny, nz] on each grid, which may share memory.

    Raises:
        ValueError: no grids.
    """
    check_grids(grids, one_shape=False)
    if weights.dtype in HALF_TYPES:
        values = sums_on_each_grid(*_wide(centers, weights, widths), kernel, batch, grids)
        return [one.to(weights) for one in values]
    if uses_triton(centers, weights, kernel) and all(grid.num_nodes < _MOST_INDICES for grid in grids):
        from tg_molfield.fields.engine.triton import grids as triton_grids

        return triton_grids.sums_on_each_grid(centers, weights, widths, kernel, batch, grids)
    return reference_grids.sums_on_each_grid(centers, weights, widths, kernel, batch, grids)


@full_precision
def sum_at_points(
    centers: Tensor,
    weights: Tensor,
    widths: Tensor,
    kernel: Kernel,
    center_batch: Tensor,
    pos: Tensor,
    batch: Tensor,
    num_graphs: int,
) -> Tensor:
    """Σ_i weights_i φ(|x − c_i|/σ_i) over the centres in the graph of each point.

    Args:
        centers: [N, 3].
        weights: [N, C].
        widths: σ [N], or [N, C] for one per channel.
        kernel: φ.
        center_batch: graph of each centre [N], sorted.
        pos: points [Q, 3].
        batch: graph of each point [Q], sorted.
        num_graphs: B.

    Returns:
        The values [Q, C].
    """
    if weights.dtype in HALF_TYPES:
        wide = _wide(centers, weights, widths)
        return sum_at_points(*wide, kernel, center_batch, pos.float(), batch, num_graphs).to(weights)
    problem = (centers, weights, widths, kernel, center_batch, pos, batch, num_graphs)
    if uses_triton(centers, weights, kernel) and len(pos) < _MOST_INDICES:
        from tg_molfield.fields.engine.triton import points as triton_points

        return triton_points.sum_at_points(*problem)
    return reference_points.sum_at_points(*problem)


@full_precision
def gradient_at_points(
    centers: Tensor,
    weights: Tensor,
    widths: Tensor,
    kernel: Kernel,
    center_batch: Tensor,
    pos: Tensor,
    batch: Tensor,
    num_graphs: int,
) -> Tensor:
    """The gradient [Q, C, 3] of `sum_at_points` with respect to the points; takes the same arguments."""
    if weights.dtype in HALF_TYPES:
        wide = _wide(centers, weights, widths)
        return gradient_at_points(*wide, kernel, center_batch, pos.float(), batch, num_graphs).to(weights)
    problem = (centers, weights, widths, kernel, center_batch, pos, batch, num_graphs)
    if uses_triton(centers, weights, kernel) and len(pos) < _MOST_INDICES:
        from tg_molfield.fields.engine.triton import points as triton_points

        return triton_points.gradient_at_points(*problem)
    return reference_points.gradient_at_points(*problem)


def _wide(centers: Tensor, weights: Tensor, widths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return widened(centers), widened(weights), widened(widths)


def uses_triton(centers: Tensor, weights: Tensor, kernel: Kernel) -> bool:
    """Whether the Triton engine computes this sum: float32 on a CUDA device, a named kernel, up to 64 channels."""
    return (
        centers.device.type == "cuda"
        and centers.dtype == torch.float32
        and weights.shape[1] <= _MOST_CHANNELS
        and len(weights) * max(_COLUMNS, weights.shape[1] ** 2) < _MOST_INDICES
        and KERNELS.get(kernel.name) == kernel
        and not torch.compiler.is_compiling()
        and not is_transformed()
        and _runs_triton(centers.device)
    )


@functools.cache
def _runs_triton(device: torch.device) -> bool:
    if torch.version.cuda is None or importlib.util.find_spec("triton") is None:
        return False
    return torch.cuda.get_device_capability(device) >= (8, 0)
