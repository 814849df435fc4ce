"""Sums over centres on the blocks of a lattice, for kernels of finite reach; the backward pass recomputes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tg_molfield.fields.engine.entries import Entries, Pairs
from tg_molfield.fields.engine.recompute import gradients
from tg_molfield.fields.engine.shapes import BlockShape


@dataclass(frozen=True)
class BlockTask:
    """What is summed where, apart from the numbers that can have gradients.

    Args:
        shape: what a centre contributes to a block, and the blocks.
        batch: the grid that each centre belongs to [N]; None where there is one.
        reach: how many widths a centre is followed.
    """

    shape: BlockShape
    batch: Tensor | None
    reach: float

    def entries(self, centers: Tensor, weights: Tensor, widths: Tensor, every_weight: bool) -> Entries:
        """What is summed, with all weights or only those that are not 0."""
        parts = (centers.detach(), weights.detach(), widths.detach())
        return Entries.of(self.shape.lattice, *parts, self.batch, self.reach, every_weight)

    def table(self, pairs: Pairs, centers: Tensor, weights: Tensor, widths: Tensor) -> Tensor:
        """The rows [M + 1, K] of the pairs, differentiable, with one of zeros for padding."""
        way, width, weight = pairs.numbers(self.shape.lattice, centers, weights, widths)
        rows = torch.cat([self.shape.rows(way, width, pairs.grid).to(weight.dtype), weight], 1)
        return torch.nn.functional.pad(rows, (0, 0, 0, 1))


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
    lattice = task.shape.lattice
    if out is None:
        out = weights.new_empty(len(lattice.origins), weights.shape[1], *lattice.shape)
    entries = task.entries(centers, weights, widths, every_weight)
    flat = out.view(entries.targets, entries.channels, *lattice.shape)
    room: Tensor | None = None
    for region in lattice.regions(entries.targets, entries.channels):
        pairs = entries.pairs(region)
        if pairs is None:
            lattice.window(flat, region).zero_()
            continue
        table = task.table(pairs, centers, weights, widths)
        blocks = lattice.buffer(flat, region, None if torch.is_grad_enabled() else room)
        blocks.index_fill_(0, (pairs.counts == 0).nonzero()[:, 0], 0)
        for rows, places in pairs.groups(task.shape.pairs_at_once(entries.channels)):
            blocks.index_copy_(0, rows, task.shape.forward(_take(table, places)))
        lattice.write(flat, region, blocks)
        room = blocks if room is None else room
    return out


def _backward(
    task: BlockTask, inputs: tuple[Tensor, Tensor, Tensor], grad: Tensor, needs: tuple[bool, bool, bool]
) -> list[Tensor | None]:
    centers, weights, widths = (x.detach().requires_grad_(need) for x, need in zip(inputs, needs, strict=True))
    wanted = [leaf for leaf in (centers, weights, widths) if leaf.requires_grad]
    totals = [torch.zeros_like(leaf) for leaf in wanted]
    by_center, by_weight, by_width = needs
    lattice, entries = task.shape.lattice, task.entries(centers, weights, widths, by_weight)
    flat = grad.reshape(entries.targets, entries.channels, *lattice.shape)
    for region in lattice.regions(entries.targets, entries.channels):
        pairs = entries.pairs(region)
        if pairs is None:
            continue
        with torch.enable_grad():
            table = task.table(pairs, centers, weights, widths)
        given, slopes = lattice.read(flat, region), torch.zeros_like(table)
        for rows, places in pairs.groups(task.shape.pairs_at_once(entries.channels)):
            part = task.shape.backward(
                _take(table.detach(), places), given.index_select(0, rows), by_weight, by_center or by_width
            )
            slopes.index_copy_(0, places.flatten(), part.flatten(0, 1))
        slopes[-1] = 0
        for total, part in zip(totals, torch.autograd.grad(table, wanted, slopes), strict=True):
            total += part
    found = iter(totals)
    return [next(found) if need else None for need in needs]


def _take(table: Tensor, places: Tensor) -> Tensor:
    return table.index_select(0, places.flatten()).view(*places.shape, -1)
