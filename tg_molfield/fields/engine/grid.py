"""Sums of radial kernels on grids of nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tg_molfield.fields.engine.blocks import BlockSum, BlockTask
from tg_molfield.fields.engine.cutoff import cutoff
from tg_molfield.fields.engine.lattice import Lattice
from tg_molfield.fields.engine.points import sum_at_points
from tg_molfield.fields.engine.shapes import BlockShape, RadialBlock, SeparableBlock
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.kernels import Gaussian, Kernel

_FLOATS_OF_A_SMALL_GRID = 2**21
_CENTERS_OF_A_SMALL_GRID = 32
_NODES_AT_ONCE = 2**16


def sum_on_grid(
    centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, grid: Grid, out: Tensor | None = None
) -> Tensor:
    """Σ_i weights_i φ(|x − c_i|/σ_i) at all nodes of a grid.

    Args:
        centers: [N, 3] in Å.
        weights: [N, C].
        widths: σ [N] in Å, or [N, C] where each channel has its own.
        kernel: φ.
        grid: the nodes.
        out: [C, nx, ny, nz], contiguous, to write to; only where no gradient is recorded.

    Returns:
        The values [C, nx, ny, nz], differentiable by centres, weights and widths.

    Raises:
        ValueError: ``out`` does not fit, or a gradient is recorded.
    """
    batch = torch.zeros(len(centers), dtype=torch.long, device=centers.device)
    values = None if out is None else out[None]
    return sums_on_grids(centers, weights, widths, kernel, batch, [grid], values).squeeze(0)


def sums_on_grids(
    centers: Tensor,
    weights: Tensor,
    widths: Tensor,
    kernel: Kernel,
    batch: Tensor,
    grids: Sequence[Grid],
    out: Tensor | None = None,
) -> Tensor:
    """`sum_on_grid` for B molecules at once, each on a grid of its own, all grids of one shape.

    Args:
        centers: [N, 3] in Å.
        weights: [N, C].
        widths: σ [N] in Å, or [N, C] where each channel has its own.
        kernel: φ.
        batch: molecule of each centre [N], int64 and sorted.
        grids: B grids, at least one.
        out: [B, C, nx, ny, nz], contiguous, to write to; only where no gradient is recorded.

    Returns:
        The values [B, C, nx, ny, nz], differentiable by centres, weights and widths.

    Raises:
        ValueError: no grids, grids of different shapes, ``out`` does not fit, or a gradient is recorded for it.
    """
    if not grids:
        raise ValueError("grids: expected at least one")
    if any(grid.shape != grids[0].shape for grid in grids):
        shapes = sorted({grid.shape for grid in grids})
        raise ValueError(f"grids: have the shapes {shapes}; evaluate grids of different shapes one by one")
    shape = (len(grids), weights.shape[1], *grids[0].shape)
    if out is not None:
        _check_out(out, shape, (centers, weights, widths))
    reach, lattice = cutoff(kernel, centers.dtype), Lattice.of(grids, centers.device)
    if isinstance(kernel, Gaussian) and lattice.orthogonal:
        block: BlockShape = SeparableBlock(lattice, _is_small(weights, shape))
    elif math.isfinite(reach) and all(grid.axes == grids[0].axes for grid in grids):
        block = RadialBlock(lattice, kernel)
    else:
        return _one_by_one(centers, weights, widths, kernel, batch, grids, out)
    task = BlockTask(block, batch if len(grids) > 1 else None, reach)
    values: Tensor = BlockSum.apply(task, out, centers, weights, widths)
    return values


def _is_small(weights: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether it takes longer to write the result than to follow every centre over the whole of its grid."""
    batch, channels, *nodes = shape
    if channels * math.prod(nodes) > _FLOATS_OF_A_SMALL_GRID:
        return False
    return int(weights.detach().count_nonzero()) <= _CENTERS_OF_A_SMALL_GRID * batch * channels


def _one_by_one(
    centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, batch: Tensor, grids: Sequence[Grid],
    out: Tensor | None,
) -> Tensor:  # fmt: skip
    evaluate = sum_on_grid if math.isfinite(cutoff(kernel, centers.dtype)) else _at_nodes
    values = []
    for index, grid in enumerate(grids):
        mine = batch == index
        target = None if out is None else out[index]
        values.append(evaluate(centers[mine], weights[mine], widths[mine], kernel, grid, target))
    return torch.stack(values) if out is None else out


def _at_nodes(
    centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, grid: Grid, out: Tensor | None
) -> Tensor:
    """All nodes as points, some planes at once, for kernels that reach everywhere."""
    (nx, ny, nz), origin, axes = grid.shape, grid.origin_tensor(), grid.axes_tensor()
    thick = max(1, _NODES_AT_ONCE // (ny * nz))
    batch = torch.zeros(max(len(centers), thick * ny * nz), dtype=torch.long, device=centers.device)
    parts = []
    for start in range(0, nx, thick):
        x, y, z = (origin + start * axes[0]).tolist()
        part = Grid((x, y, z), grid.axes, (min(thick, nx - start), ny, nz))
        nodes = part.points(torch.float64, centers.device)
        middle = nodes.mean(0)
        local, nodes = (centers - middle).to(centers.dtype), (nodes - middle).to(centers.dtype)
        found = sum_at_points(local, weights, widths, kernel, batch[: len(local)], nodes, batch[: len(nodes)], 1)
        values = found.T.reshape(-1, *part.shape)
        if out is None:
            parts.append(values)
        else:
            out[:, start : start + thick] = values
    return torch.cat(parts, 1) if out is None else out


def _check_out(out: Tensor, shape: tuple[int, ...], inputs: tuple[Tensor, ...]) -> None:
    like = inputs[0]
    if out.shape != shape or out.dtype != like.dtype or out.device != like.device or not out.is_contiguous():
        raise ValueError(
            f"out: expected a contiguous {like.dtype} tensor {list(shape)} on {like.device}, "
            f"got {out.dtype} {list(out.shape)} on {out.device}"
        )
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs):
        raise ValueError("out: cannot be written to where a gradient is recorded; leave it out or use torch.no_grad()")
