"""Sums over centres on the blocks of a lattice, for kernels of finite reach; the backward pass recomputes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tg_molfield.fields.engine.entries import Pairs, SparseTerms, share_channels
from tg_molfield.fields.engine.memory import new_result
from tg_molfield.fields.engine.recompute import gradients
from tg_molfield.fields.engine.shapes import BlockShape


@dataclass(frozen=True)
class BlockTask:
    """What is summed where, apart from the numbers that can have gradients.

    Args:
        shape: what a centre contributes to a block.
        batch: the grid that each centre belongs to [N]; None where there is one.
        reach: how many widths a centre is followed.
    """

    shape: BlockShape
    batch: Tensor | None
    reach: float

    def cut(
        self, centers: Tensor, weights: Tensor, widths: Tensor, every_weight: bool
    ) -> tuple[BlockShape, SparseTerms]:
        """Blocks that suit what is summed, and what that is: all weights, or only those that are not 0."""
        together = share_channels(weights, widths, every_weight)
        shape = self.shape.cut(weights.shape[1] if together else 1, weights.dtype)
        parts = (centers.detach(), weights.detach(), widths.detach(), self.batch, self.reach)
        return shape, SparseTerms.of(shape.lattice, *parts, together, every_weight)


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
    """The values [B, C, nx, ny, nz], in operations that can be differentiated any number of times.

    Args:
        task: what is summed where.
        centers: [N, 3].
        weights: [N, C].
        widths: [N] or [N, C].
        out: written to, if given; not where gradients are recorded.
        every_weight: also follow centres whose weight is 0, for the sake of its gradient.
    """
    shape, entries = task.cut(centers, weights, widths, every_weight)
    lattice, at_once = shape.lattice, shape.pairs_at_once(entries.channels)
    if out is None:
        out = new_result((len(lattice.origins), weights.shape[1], *lattice.shape), weights)
    flat = out.view(entries.targets, entries.channels, *lattice.shape)
    rooms: list[Tensor] = []
    for region in entries.regions():
        pairs = entries.pairs(region)
        if pairs is None:
            lattice.window(flat, region).zero_()
            continue
        table = _table(shape, pairs, centers, weights, widths)
        if lattice.is_whole:
            _write_whole(shape, pairs, table, lattice.window(flat, region), entries.columns, at_once)
            continue
        blocks, places = _blocks(shape, pairs, table, at_once, rooms)
        for part, some in lattice.parts(region, places, blocks.shape[1]):
            lattice.write(flat, part, blocks.index_select(0, some))
    return out


def _blocks(shape: BlockShape, pairs: Pairs, table: Tensor, at_once: int, rooms: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The blocks [R + 1, C, bx, by, bz] of a region in any order, the last of zeros, and which of them are where [R].

    The latter are sorted by place along x, y and z, then target. Where no gradients are recorded the blocks are in
    memory that is kept in ``rooms`` for the next region.
    """
    order, parts = [], []
    number, total, start = pairs.counts.shape[0], int(pairs.counts.count_nonzero()), 0
    inner = (table.shape[1] - shape.numbers, *shape.lattice.block)
    recorded = torch.is_grad_enabled()
    if not recorded and (not rooms or rooms[0].shape[0] <= number):
        rooms[:] = [new_result((number + 1, *inner), table)]
    for rows, places in pairs.groups(at_once):
        stop = start + rows.shape[0]
        parts.append(shape.forward(_take(table, places), None if recorded else rooms[0][start:stop]))
        order.append(rows)
        start = stop
    inverse = _inverse(order, number).unflatten(0, (shape.lattice.counts[2], -1, pairs.targets))
    inverse = inverse.transpose(0, 1).flatten()
    if recorded:
        return torch.cat([*parts, torch.zeros_like(parts[0][:1])]), inverse
    rooms[0][total] = 0
    return rooms[0], inverse


def _write_whole(shape: BlockShape, pairs: Pairs, table: Tensor, values: Tensor, columns: int, at_once: int) -> None:
    """Write to grids that are one block each: a channel of many grids at once, padded to the longest of their lists."""
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
    shape, entries = task.cut(centers, weights, widths, by_weight)
    lattice, at_once = shape.lattice, shape.pairs_at_once(entries.channels)
    flat = grad.reshape(entries.targets, entries.channels, *lattice.shape)
    for region in entries.regions():
        pairs = entries.pairs(region)
        if pairs is None:
            continue
        with torch.enable_grad():
            table = _table(shape, pairs, centers, weights, widths)
        given, slopes = lattice.read(flat, region), torch.zeros_like(table)
        for rows, places in pairs.groups(at_once):
            part = shape.backward(_take(table.detach(), places), given.index_select(0, rows), by_weight, moved)
            slopes.index_copy_(0, places.flatten(), part.flatten(0, 1))
        slopes[-1] = 0
        for total, part in zip(totals, torch.autograd.grad(table, wanted, slopes), strict=True):
            total += part
    found = iter(totals)
    return [next(found) if need else None for need in needs]


def _table(shape: BlockShape, pairs: Pairs, centers: Tensor, weights: Tensor, widths: Tensor) -> Tensor:
    """The rows [M + 1, K] of the pairs, differentiable, with one of zeros for padding."""
    position, width, weight = pairs.numbers(shape.lattice, centers, weights, widths)
    way = pairs.middles.index_select(0, pairs.block) - position.index_select(0, pairs.entry)
    scale = shape.scale(width, pairs.grid).index_select(0, pairs.entry)
    rows = torch.cat([shape.rows(way, scale).to(weight.dtype), weight.index_select(0, pairs.entry)], 1)
    return torch.nn.functional.pad(rows, (0, 0, 0, 1))


def _take(table: Tensor, places: Tensor) -> Tensor:
    return table.index_select(0, places.flatten()).view(*places.shape, -1)


def _inverse(rows: list[Tensor], length: int) -> Tensor:
    """Where each of so many rows stands in these lists; one past their end if it does not."""
    order = torch.cat(rows)
    inverse = torch.full((length,), len(order), device=order.device)
    inverse[order] = torch.arange(len(order), device=order.device)
    return inverse
