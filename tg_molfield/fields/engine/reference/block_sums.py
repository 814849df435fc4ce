"""Sums over centres on blocks of grid nodes, for kernels with a cutoff; the backward pass recomputes factors."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tg_molfield.fields.engine.reference.block_shapes import BlockShape
from tg_molfield.fields.engine.reference.memory import new_result
from tg_molfield.fields.engine.reference.recompute import gradients
from tg_molfield.fields.engine.reference.sparse_terms import Pairs, SparseTerms, share_channels
from tg_molfield.precision import full_precision


@dataclass(frozen=True)
class BlockTask:
    """Everything that defines a sum except the tensors that can have gradients.

    Args:
        shape: what a centre contributes to a block.
        batch: grid of each centre [N]; None for a single grid.
        reach: the cutoff in widths.
    """

    shape: BlockShape
    batch: Tensor | None
    reach: float

    def cut(
        self, centers: Tensor, weights: Tensor, widths: Tensor, every_weight: bool
    ) -> tuple[BlockShape, SparseTerms]:
        """The block shape for this sum, and its terms: all weights, or only nonzero ones."""
        channels_shared = share_channels(weights, widths, every_weight)
        shape = self.shape.cut(weights.shape[1] if channels_shared else 1, weights.dtype)
        parts = (centers.detach(), weights.detach(), widths.detach(), self.batch, self.reach)
        return shape, SparseTerms.of(shape.grid_blocks, *parts, channels_shared, every_weight)


class BlockSum(torch.autograd.Function):
    """The values [B, C, nx, ny, nz] of a `BlockTask`."""

    @staticmethod
    def forward(
        ctx: Any, task: BlockTask, out: Tensor | None, centers: Tensor, weights: Tensor, widths: Tensor
    ) -> Tensor:
        ctx.task = task
        ctx.save_for_backward(centers, weights, widths)
        return sum_blocks(task, centers, weights, widths, out)

    @staticmethod
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        saved, needs = ctx.saved_tensors, ctx.needs_input_grad[2:]
        if not torch.is_grad_enabled():
            return None, None, *_backward(ctx.task, saved, grad, needs)
        again = functools.partial(sum_blocks, ctx.task, out=None, every_weight=True)
        return None, None, *gradients(again, saved, grad, needs)


def sum_blocks(
    task: BlockTask,
    centers: Tensor,
    weights: Tensor,
    widths: Tensor,
    out: Tensor | None = None,
    every_weight: bool = False,
) -> Tensor:
    """The values [B, C, nx, ny, nz], from operations that can be differentiated any number of times.

    Args:
        task: the sum.
        centers: [N, 3].
        weights: [N, C].
        widths: [N] or [N, C].
        out: where to write the values; only while no gradient is recorded.
        every_weight: keep centres of weight 0, so that their weights get gradients.
    """
    shape, terms = task.cut(centers, weights, widths, every_weight)
    grid_blocks, at_once = shape.grid_blocks, shape.pairs_at_once(terms.channels)
    if out is None:
        out = new_result((len(grid_blocks.origins), weights.shape[1], *grid_blocks.shape), weights)
    flat = out.view(terms.targets, terms.channels, *grid_blocks.shape)
    buffers: list[Tensor] = []
    for region in terms.regions():
        pairs = terms.pairs(region)
        if pairs is None:
            grid_blocks.window(flat, region).zero_()
            continue
        table = _table(shape, pairs, centers, weights, widths)
        if grid_blocks.is_whole:
            _write_whole(shape, pairs, table, grid_blocks.window(flat, region), terms.columns, at_once)
            continue
        blocks, places = _blocks(shape, pairs, table, at_once, buffers)
        for part, some in grid_blocks.parts(region, places, blocks.shape[1]):
            grid_blocks.write(flat, part, blocks.index_select(0, some))
    return out


def _blocks(
    shape: BlockShape, pairs: Pairs, table: Tensor, at_once: int, buffers: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """The blocks [R + 1, C, bx, by, bz] of a region in any order, the last all zeros, and the block at each place [R].

    Places are sorted along x, y and z, then by target. While no gradient is recorded, the blocks share memory that
    ``buffers`` keeps for the next region.
    """
    order, parts = [], []
    number, total, start = pairs.counts.shape[0], int(pairs.counts.count_nonzero()), 0
    inner = (table.shape[1] - shape.numbers, *shape.grid_blocks.block)
    recorded = torch.is_grad_enabled()
    if not recorded and (not buffers or buffers[0].shape[0] <= number):
        buffers[:] = [new_result((number + 1, *inner), table)]
    for rows, places in pairs.groups(at_once):
        stop = start + rows.shape[0]
        parts.append(shape.forward(_take(table, places), None if recorded else buffers[0][start:stop]))
        order.append(rows)
        start = stop
    inverse = _inverse(order, number).unflatten(0, (shape.grid_blocks.counts[2], -1, pairs.targets))
    inverse = inverse.transpose(0, 1).flatten()
    if recorded:
        return torch.cat([*parts, torch.zeros_like(parts[0][:1])]), inverse
    buffers[0][total] = 0
    return buffers[0], inverse


def _write_whole(shape: BlockShape, pairs: Pairs, table: Tensor, values: Tensor, columns: int, at_once: int) -> None:
    """Write grids that are one block each: one channel of many grids at a time, padded to their longest list."""
    for column in range(min(columns, values.shape[0])):
        rows = torch.arange(column, values.shape[0], columns, device=table.device)
        size = max(1, at_once // max(1, int(pairs.counts[rows].max())))
        for start in range(0, rows.shape[0], size):
            some, part = rows[start : start + size], values[column::columns][start : start + size]
            longest = int(pairs.counts[some].max())
            if not longest:
                part.zero_()
            elif torch.is_grad_enabled():
                part.copy_(shape.forward(_take(table, pairs.places(some, longest))))
            else:
                shape.forward(_take(table, pairs.places(some, longest)), part)


def _backward(
    task: BlockTask, inputs: tuple[Tensor, Tensor, Tensor], grad: Tensor, needs: tuple[bool, bool, bool]
) -> list[Tensor | None]:
    centers, weights, widths = (x.detach().requires_grad_(need) for x, need in zip(inputs, needs, strict=True))
    wanted = [leaf for leaf in (centers, weights, widths) if leaf.requires_grad]
    totals = [torch.zeros_like(leaf) for leaf in wanted]
    by_weight, moved = needs[1], needs[0] or needs[2]
    shape, terms = task.cut(centers, weights, widths, by_weight)
    grid_blocks, at_once = shape.grid_blocks, shape.pairs_at_once(terms.channels)
    flat = grad.reshape(terms.targets, terms.channels, *grid_blocks.shape)
    for region in terms.regions():
        pairs = terms.pairs(region)
        if pairs is None:
            continue
        with torch.enable_grad():
            table = _table(shape, pairs, centers, weights, widths)
        given, slopes = grid_blocks.read(flat, region), torch.zeros_like(table)
        for rows, places in pairs.groups(at_once):
            part = shape.backward(_take(table.detach(), places), given.index_select(0, rows), by_weight, moved)
            slopes.index_copy_(0, places.flatten(), part.flatten(0, 1))
        slopes[-1] = 0
        for total, part in zip(totals, torch.autograd.grad(table, wanted, slopes), strict=True):
            total += part
    found = iter(totals)
    return [next(found) if need else None for need in needs]


def _table(shape: BlockShape, pairs: Pairs, centers: Tensor, weights: Tensor, widths: Tensor) -> Tensor:
    """The rows [M + 1, K] of the pairs, differentiable; the last row is zero, for padding."""
    position, width, weight = pairs.numbers(shape.grid_blocks, centers, weights, widths)
    offset = pairs.middles.index_select(0, pairs.block) - position.index_select(0, pairs.term)
    scale = shape.scale(width, pairs.grid).index_select(0, pairs.term)
    rows = torch.cat([shape.rows(offset, scale).to(weight.dtype), weight.index_select(0, pairs.term)], 1)
    return torch.nn.functional.pad(rows, (0, 0, 0, 1))


def _take(table: Tensor, places: Tensor) -> Tensor:
    return table.index_select(0, places.flatten()).view(*places.shape, -1)


def _inverse(rows: list[Tensor], length: int) -> Tensor:
    """The position of each of ``length`` rows in these lists; one past the end for absent rows."""
    order = torch.cat(rows)
    inverse = torch.full((length,), len(order), device=order.device)
    inverse[order] = torch.arange(len(order), device=order.device)
    return inverse
