"""Sums of radial kernels on grids of nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tg_molfield.devices import widest_type
from tg_molfield.fields.engine.cutoff import cutoff
from tg_molfield.fields.engine.reference.block_shapes import BlockShape, RadialBlock, SeparableBlock
from tg_molfield.fields.engine.reference.block_sums import BlockSum, BlockTask
from tg_molfield.fields.engine.reference.grid_blocks import GridBlocks
from tg_molfield.fields.engine.reference.points import sum_at_points
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.kernels import Gaussian, Kernel

_FLOATS_OF_A_SMALL_GRID = 2**21
_CENTERS_OF_A_SMALL_GRID = 32
_NODES_AT_ONCE = 2**16


def sum_on_grid(
    centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, grid: Grid, out: Tensor | None = None
) -> Tensor:
    """`sums_on_grids` for one molecule: the values [C, nx, ny, nz]."""
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
    """Like `dispatch.sums_on_grids`, for arguments that have been checked."""
    shape = (len(grids), weights.shape[1], *grids[0].shape)
    reach, grid_blocks = cutoff(kernel, centers.dtype), GridBlocks.of(grids, centers.device)
    if isinstance(kernel, Gaussian) and grid_blocks.orthogonal:
        block: BlockShape = SeparableBlock(grid_blocks, _is_small(weights, shape))
    elif math.isfinite(reach) and all(grid.axes == grids[0].axes for grid in grids):
        block = RadialBlock(grid_blocks, kernel)
    else:
        return _one_by_one(centers, weights, widths, kernel, batch, grids, out)
    task = BlockTask(block, batch if len(grids) > 1 else None, reach)
    values: Tensor = BlockSum.apply(task, out, centers, weights, widths)
    return values


def sums_on_each_grid(
    centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, batch: Tensor, grids: Sequence[Grid]
) -> list[Tensor]:
    """Like `dispatch.sums_on_each_grid`, for arguments that have been checked."""
    if len({grid.shape for grid in grids}) == 1:
        return list(sums_on_grids(centers, weights, widths, kernel, batch, grids).unbind(0))
    parts = []
    for index, grid in enumerate(grids):
        mine = batch == index
        parts.append(sum_on_grid(centers[mine], weights[mine], widths[mine], kernel, grid))
    return parts


def _is_small(weights: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether writing the result takes longer than evaluating every centre at every node."""
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
    """All nodes as scattered points, some planes at a time, for kernels without a cutoff."""
    (nx, ny, nz), origin, axes = grid.shape, grid.origin_tensor(), grid.axes_tensor()
    thick = max(1, _NODES_AT_ONCE // (ny * nz))
    batch = torch.zeros(max(len(centers), thick * ny * nz), dtype=torch.long, device=centers.device)
    parts = []
    for start in range(0, nx, thick):
        x, y, z = (origin + start * axes[0]).tolist()
        part = Grid((x, y, z), grid.axes, (min(thick, nx - start), ny, nz))
        nodes = part.points(widest_type(centers.device), centers.device)
        middle = nodes.mean(0)
        local, nodes = (centers - middle).to(centers.dtype), (nodes - middle).to(centers.dtype)
        found = sum_at_points(local, weights, widths, kernel, batch[: len(local)], nodes, batch[: len(nodes)], 1)
        values = found.T.reshape(-1, *part.shape)
        if out is None:
            parts.append(values)
        else:
            out[:, start : start + thick] = values
    return torch.cat(parts, 1) if out is None else out
