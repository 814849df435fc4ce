"""Sums of radial kernels at scattered points, by Triton kernels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import triton
from torch import Tensor

from tg_molfield.fields.engine.reference import points as reference
from tg_molfield.fields.engine.reference.recompute import gradients
from tg_molfield.fields.engine.triton.cells import Cells, cells_per_axis
from tg_molfield.fields.engine.triton.point_kernels import center_gradients, point_gradients, point_sums
from tg_molfield.fields.engine.triton.reach import gradient_reach, value_reach
from tg_molfield.fields.engine.triton.terms import one_width_each
from tg_molfield.fields.kernels import Kernel
from tg_molfield.precision import full_precision

# Sizes measured as fastest on an H200: tiles of points and of centres, each with the rows read at once.
_POINTS, _CENTERS = 64, 16
_CENTERS_OF_A_TILE, _POINTS_AT_ONCE = 16, 128
_ROWS_OF_A_CELL = 12
_CENTERS_WITHOUT_CELLS, _POINTS_WITHOUT_CELLS = 256, 4096


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
    """Like `dispatch.sum_at_points`."""
    return _evaluate(centers, weights, widths, kernel, center_batch, pos, batch, num_graphs, gradient=False)


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
    """Like `dispatch.gradient_at_points`; its own derivatives come from the reference engine."""
    return _evaluate(centers, weights, widths, kernel, center_batch, pos, batch, num_graphs, gradient=True)


def _evaluate(
    centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, center_batch: Tensor,
    pos: Tensor, batch: Tensor, num_graphs: int, gradient: bool,
) -> Tensor:  # fmt: skip
    if widths.ndim == 2:
        centers, weights, widths, center_batch = one_width_each(centers, weights, widths, center_batch)
    problem = _Problem(kernel, center_batch.contiguous(), batch.contiguous(), num_graphs, gradient)
    inputs = (x.contiguous() for x in (centers, weights, widths, pos))
    with torch.cuda.device_of(centers):
        values: Tensor = _PointSum.apply(problem, *inputs)
    return values


@dataclass(frozen=True)
class _Problem:
    """Everything that defines a sum at points except the tensors that can have gradients.

    Args:
        kernel: φ.
        center_batch: graph of each centre [N].
        batch: graph of each point [Q].
        num_graphs: B.
        gradient: whether the result is the gradient with respect to the points.
    """

    kernel: Kernel
    center_batch: Tensor
    batch: Tensor
    num_graphs: int
    gradient: bool

    def cells(self, pos: Tensor, batch: Tensor, rows_without_cells: int) -> Cells:
        """Rows at ``pos`` sorted into cells."""
        n = cells_per_axis(len(pos), self.num_graphs, rows_without_cells, _ROWS_OF_A_CELL)
        n = n if math.isfinite(value_reach(self.kernel)) else 1
        return Cells.of(pos, batch, self.num_graphs, n)

    def reference(self, centers: Tensor, weights: Tensor, widths: Tensor, pos: Tensor) -> Tensor:
        """The same sum by the reference engine."""
        function = reference.gradient_at_points if self.gradient else reference.sum_at_points
        return function(centers, weights, widths, self.kernel, self.center_batch, pos, self.batch, self.num_graphs)


class _PointSum(torch.autograd.Function):
    """Values [Q, C], or their gradient [Q, C, 3] with respect to the points."""

    @staticmethod
    def forward(ctx: Any, problem: _Problem, centers: Tensor, weights: Tensor, widths: Tensor, pos: Tensor) -> Tensor:
        ctx.problem = problem
        ctx.save_for_backward(centers, weights, widths, pos)
        shape = (len(pos), weights.shape[1], *((3,) if problem.gradient else ()))
        if not (len(centers) and math.prod(shape)):
            return pos.new_zeros(shape)
        ctx.walk = _Walk.over_centers(problem, centers, weights, widths, pos)
        return ctx.walk.values(pos.new_empty(shape), problem.gradient)

    @staticmethod
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        problem, inputs, needs = ctx.problem, ctx.saved_tensors, ctx.needs_input_grad[1:]
        if torch.is_grad_enabled() or problem.gradient:
            return None, *gradients(problem.reference, inputs, grad, needs)
        if not (len(inputs[0]) and grad.numel()):
            return None, *(torch.zeros_like(x) if need else None for x, need in zip(inputs, needs, strict=True))
        grad = grad.contiguous()
        by_pos = ctx.walk.gradients(grad) if needs[3] else None
        if not any(needs[:3]):
            return None, None, None, None, by_pos
        centers, weights, widths, pos = inputs
        found = _center_gradients(problem, centers, weights, widths, pos, grad)
        return None, *(x if need else None for x, need in zip(found, needs[:3], strict=True)), by_pos


@dataclass(frozen=True)
class _Walk:
    """Tiles of points, each with the centres in the cells around it.

    Args:
        problem: the sum.
        pos: points [Q, 3].
        order: the points in an order that makes tiles compact [Q]; None for their own.
        cells: the cells of the centres.
        sources: centres, widths and weights sorted by cell.
        widest: the largest width.
    """

    problem: _Problem
    pos: Tensor
    order: Tensor | None
    cells: Cells
    sources: tuple[Tensor, Tensor, Tensor]
    widest: Tensor

    @classmethod
    def over_centers(cls, problem: _Problem, centers: Tensor, weights: Tensor, widths: Tensor, pos: Tensor) -> _Walk:
        """The walk for centres [N, 3] and points [Q, 3]."""
        centers, weights, widths, pos = (x.detach() for x in (centers, weights, widths, pos))
        cells = problem.cells(centers, problem.center_batch, _CENTERS_WITHOUT_CELLS)
        order, widest = None, widths
        if cells.n > 1:
            order, widest = problem.cells(pos, problem.batch, 0).order, widths.amax()
        sources = (cells.take(centers), cells.take(widths), cells.take(weights))
        return cls(problem, pos, order, cells, sources, widest)

    def values(self, out: Tensor, gradient: bool) -> Tensor:
        """Write the values [Q, C], or their gradient [Q, C, 3]."""
        reach = (gradient_reach if gradient else value_reach)(self.problem.kernel)
        self._launch(point_sums, reach, (out,), GRADIENT=gradient)
        return out

    def gradients(self, grad: Tensor) -> Tensor:
        """The gradient [Q, 3] with respect to the points from that with respect to the values [Q, C]."""
        by_pos = torch.empty_like(self.pos)
        self._launch(point_gradients, gradient_reach(self.problem.kernel), (grad, by_pos))
        return by_pos

    def _launch(self, function: Any, reach: float, tensors: tuple[Tensor, ...], **options: Any) -> None:
        cells, problem, channels = self.cells, self.problem, self.sources[2].shape[1]
        order = problem.batch if self.order is None else self.order
        function[(triton.cdiv(len(self.pos), _POINTS),)](
            self.pos, order, problem.batch, *self.sources, cells.starts, cells.low, cells.high, self.widest, *tensors,
            len(self.pos), problem.num_graphs, cells.n, reach, CHANNELS=channels, PHI=problem.kernel.name,
            SORTED=self.order is not None, T=_POINTS, K=_CENTERS, PADDED=padded(channels), num_warps=4, **options,
        )  # fmt: skip


def _center_gradients(
    problem: _Problem, centers: Tensor, weights: Tensor, widths: Tensor, pos: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients with respect to centres, weights and widths from that with respect to the values [Q, C]."""
    cells = problem.cells(pos, problem.batch, _POINTS_WITHOUT_CELLS)
    order = problem.cells(centers, problem.center_batch, 0).order if cells.n > 1 else None
    by_center, by_weight, by_width = torch.empty_like(centers), torch.empty_like(weights), torch.empty_like(widths)
    rows, channels = weights.shape
    center_gradients[(triton.cdiv(rows, _CENTERS_OF_A_TILE),)](
        centers, problem.center_batch if order is None else order, problem.center_batch, widths, weights,
        pos, problem.batch if cells.order is None else cells.order, cells.starts, cells.low, cells.high, grad,
        by_center, by_width, by_weight, rows, problem.num_graphs, cells.n, gradient_reach(problem.kernel),
        CHANNELS=channels, PHI=problem.kernel.name, SORTED=order is not None, POINTS_SORTED=cells.order is not None,
        T=_POINTS_AT_ONCE, K=_CENTERS_OF_A_TILE, PADDED=padded(channels), num_warps=4,
    )  # fmt: skip
    return by_center, by_weight, by_width


def padded(channels: int) -> int:
    """The number of channels as a power of two that matrix products in kernels take."""
    return max(16, triton.next_power_of_2(channels))
