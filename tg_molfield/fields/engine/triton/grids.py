"""Sums of radial kernels on grids of nodes, by Triton kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import triton
from torch import Tensor

from tg_molfield.fields.engine.reference import grids as reference
from tg_molfield.fields.engine.reference.recompute import gradients
from tg_molfield.fields.engine.triton.cells import Cells, cells_per_axis
from tg_molfield.fields.engine.triton.grid_kernels import grid_gradients, grid_sums
from tg_molfield.fields.engine.triton.grid_tables import Block, GridTables
from tg_molfield.fields.engine.triton.reach import gradient_reach, value_reach
from tg_molfield.fields.engine.triton.terms import one_width_each
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.kernels import Kernel
from tg_molfield.precision import full_precision

# Sizes measured as fastest on an H200.
_CENTERS_WITHOUT_CELLS, _CENTERS_OF_A_CELL = 96, 1
_MOST_CHANNELS = 32
_ROWS_AT_ONCE = 4


def sums_on_grids(
    centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, batch: Tensor, grids: Sequence[Grid],
    out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Like `dispatch.sums_on_grids`, for arguments that have been checked."""
    shape = (len(grids), weights.shape[1], *grids[0].shape)
    return _evaluate(centers, weights, widths, kernel, batch, grids, None if out is None else out.view(-1)).view(shape)


def sums_on_each_grid(
    centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, batch: Tensor, grids: Sequence[Grid]
) -> list[Tensor]:
    """Like `dispatch.sums_on_each_grid`: all grids in one launch, with results that share memory."""
    channels = weights.shape[1]
    values = _evaluate(centers, weights, widths, kernel, batch, grids, None)
    parts = values.split([channels * grid.num_nodes for grid in grids])
    return [part.view(channels, *grid.shape) for part, grid in zip(parts, grids, strict=True)]


def _evaluate(
    centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, batch: Tensor, grids: Sequence[Grid],
    out: Tensor | None,
) -> Tensor:  # fmt: skip
    if widths.ndim == 2:
        centers, weights, widths, batch = one_width_each(centers, weights, widths, batch)
    inputs = (x.contiguous() for x in (centers, weights, widths))
    with torch.cuda.device_of(centers):
        values: Tensor = _GridSum.apply(_Problem(kernel, batch.contiguous(), tuple(grids)), out, *inputs)
    return values


@dataclass(frozen=True)
class _Problem:
    """Everything that defines a sum on grids except the tensors that can have gradients.

    Args:
        kernel: φ.
        batch: grid of each centre [N], sorted.
        grids: B grids.
    """

    kernel: Kernel
    batch: Tensor
    grids: tuple[Grid, ...]

    def tables(self, block: Block) -> GridTables:
        """The grids on the device, in blocks of nodes."""
        return GridTables.of(self.grids, block, self.batch.device)

    def reference(self, centers: Tensor, weights: Tensor, widths: Tensor) -> Tensor:
        """The same sum by the reference engine."""
        parts = reference.sums_on_each_grid(centers, weights, widths, self.kernel, self.batch, self.grids)
        return torch.cat([part.flatten() for part in parts])


class _GridSum(torch.autograd.Function):
    """Values of all grids one after the other, [C, nx, ny, nz] each, as one vector."""

    @staticmethod
    def forward(
        ctx: Any, problem: _Problem, out: Tensor | None, centers: Tensor, weights: Tensor, widths: Tensor
    ) -> Tensor:
        ctx.problem = problem
        ctx.save_for_backward(centers, weights, widths)
        return _values(problem, centers, weights, widths, out)

    @staticmethod
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        problem, inputs, needs = ctx.problem, ctx.saved_tensors, ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():
            return None, None, *gradients(problem.reference, inputs, grad, needs)
        centers, weights, widths = inputs
        found = _gradients(problem, centers, weights, widths, grad.contiguous(), needs[1])
        return None, None, *(x if need else None for x, need in zip(found, needs, strict=True))


def _values(problem: _Problem, centers: Tensor, weights: Tensor, widths: Tensor, out: Tensor | None) -> Tensor:
    channels, count = weights.shape[1], min(_MOST_CHANNELS, triton.next_power_of_2(max(1, weights.shape[1])))
    bx, by, bz = _block(count)
    tables = problem.tables((bx, by, bz))
    values = weights.new_empty(tables.num_nodes * channels) if out is None else out
    if not values.numel():
        return values
    if not len(centers):
        return values.zero_()
    reach, num_graphs = value_reach(problem.kernel), len(problem.grids)
    n = cells_per_axis(len(centers), num_graphs, _CENTERS_WITHOUT_CELLS, _CENTERS_OF_A_CELL)
    rows, steps = centers, (3, 1)
    if n > 1 and math.isfinite(reach):
        rows, steps = torch.cat([centers, widths[:, None]], 1), (4, 4)
        cells = Cells.of(rows, problem.batch, num_graphs, n)
        rows, weights = cells.take(rows), cells.take(weights)
        widths, widest = rows[:, 3], cells.high[3:]
    else:
        cells, widest = Cells.of(centers, problem.batch, num_graphs, 1), widths
    grid_sums[(tables.num_blocks, triton.cdiv(channels, count))](
        tables.frames, tables.shapes, tables.first_blocks, rows, widths, weights, cells.starts, cells.low, cells.high,
        widest, values, cells.n, reach, CHANNELS=channels, PHI=problem.kernel.name, AXES=tables.axes,
        STEPS=tables.steps, CENTER_STEP=steps[0], WIDTH_STEP=steps[1], BX=bx, BY=by, BZ=bz, PADDED=count,
        num_warps=1,
    )  # fmt: skip
    return values


def _gradients(
    problem: _Problem, centers: Tensor, weights: Tensor, widths: Tensor, grad: Tensor, by_weight: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients with respect to centres, weights and widths."""
    channels = weights.shape[1]
    found = tuple(torch.empty_like(x) for x in (centers, weights, widths))
    if not (len(centers) and grad.numel()):
        return found[0].zero_(), found[1].zero_(), found[2].zero_()
    count = triton.next_power_of_2(channels)
    rows = max(1, min(_ROWS_AT_ONCE, 64 // count)) if by_weight else _ROWS_AT_ONCE
    tables = problem.tables(_block(count))
    grid_gradients[(len(centers),)](
        tables.frames, tables.inverses, tables.shapes, centers, problem.batch, widths, weights, grad,
        found[0], found[2], found[1], len(problem.grids), gradient_reach(problem.kernel),
        CHANNELS=channels, PHI=problem.kernel.name, BY_WEIGHT=by_weight,
        ORTHOGONAL=tables.axes > 0, J=rows, K=32, PADDED=count, num_warps=1,
    )  # fmt: skip
    return found[0], found[1], found[2]


def _block(channels: int) -> Block:
    """The nodes of a block for a number of channels."""
    return (8, 8, 8) if channels <= 2 else (4, 4, 16)
