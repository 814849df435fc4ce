"""Sums of radial kernels at scattered points, for one graph or a batch of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from tg_molfield.fields.engine.cutoff import cutoff
from tg_molfield.fields.engine.functorch import is_transformed
from tg_molfield.fields.engine.reference.dense import DenseSum, dense_gradients, dense_values, is_near
from tg_molfield.fields.engine.reference.padding import filled, pad, sizes
from tg_molfield.fields.engine.reference.recompute import Recomputed
from tg_molfield.fields.engine.reference.tiles import sum_in_tiles
from tg_molfield.fields.kernels import Kernel

_PAIRS_AT_ONCE = 2**20
_PAIRS_WITHOUT_TILES = 2**23
_CENTERS_AT_ONCE = 2**12


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
    return _evaluate(centers, weights, widths, kernel, center_batch, pos, batch, num_graphs, by_point=False)


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
    return _evaluate(centers, weights, widths, kernel, center_batch, pos, batch, num_graphs, by_point=True)


def _evaluate(
    centers: Tensor,
    weights: Tensor,
    widths: Tensor,
    kernel: Kernel,
    center_batch: Tensor,
    pos: Tensor,
    batch: Tensor,
    num_graphs: int,
    by_point: bool,
) -> Tensor:
    tail = (weights.shape[1], 3) if by_point else (weights.shape[1],)
    if not len(pos):
        return pos.new_zeros(0, *tail)
    if widths.ndim == 2:
        centers, weights, widths, center_batch = _one_width_each(centers, weights, widths, center_batch)
    center_counts, query_counts = sizes(center_batch, num_graphs), sizes(batch, num_graphs)
    longest, most = int(center_counts.max()), int(query_counts.max())
    pairs = num_graphs * longest * most
    center_origin, origin = _origins(centers.detach(), center_batch, batch, center_counts)
    inverse, local = 1 / widths, centers - center_origin
    near = is_near(kernel, local, inverse)
    reach = cutoff(kernel, pos.dtype)
    if pairs > (_PAIRS_WITHOUT_TILES if near else _PAIRS_AT_ONCE) and math.isfinite(reach) and not is_transformed():
        evaluate = functools.partial(_tile, kernel, by_point)
        return sum_in_tiles(evaluate, centers, weights, inverse, center_batch, pos, batch, num_graphs, reach)
    centers, pos = local, pos - origin
    evaluate = functools.partial(_stack, kernel, near, pairs <= _PAIRS_AT_ONCE, by_point)
    if pairs > _PAIRS_AT_ONCE:
        graphs = [x.split(center_counts.tolist()) for x in (centers, weights, inverse)]
        problems = zip(pos.split(query_counts.tolist()), *graphs, strict=True)
        return torch.cat([_one_graph(evaluate, *problem) for problem in problems])
    stack = [pad(x, center_batch, center_counts, longest) for x in (centers, weights, inverse)]
    values = evaluate(pad(pos, batch, query_counts, most), *stack)
    return values.flatten(0, 1) if len(pos) == num_graphs * most else values[filled(query_counts, most)]


def _origins(centers: Tensor, center_batch: Tensor, batch: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of the centres in the graph of each centre and of each point; one row for both if there is one graph."""
    if len(counts) == 1:
        mean = centers.mean(0, keepdim=True) if len(centers) else centers.new_zeros(1, 3)
        return mean, mean
    means = centers.new_zeros(len(counts), 3).index_add(0, center_batch, centers) / counts.clamp_min(1)[:, None]
    return means[center_batch], means[batch]


def _stack(
    kernel: Kernel, near: bool, keep: bool, by_point: bool,
    pos: Tensor, centers: Tensor, weights: Tensor, inverse: Tensor,
) -> Tensor:  # fmt: skip
    if is_transformed():
        plain = dense_gradients if by_point else dense_values
        return plain(kernel, pos, centers, weights, inverse).transpose(1, 2)
    if by_point:
        function = functools.partial(dense_gradients, kernel)
        values: Tensor = Recomputed.apply(function, pos, centers, weights, inverse)
    else:
        values = DenseSum.apply(kernel, near, keep, pos, centers, weights, inverse)
    return values.transpose(1, 2)


def _tile(kernel: Kernel, by_point: bool, pos: Tensor, centers: Tensor, weights: Tensor, inverse: Tensor) -> Tensor:
    """`_stack` for points around the origin, among centres some of which may be far narrower than others."""
    near = not by_point and inverse.numel() > 0 and is_near(kernel, pos, inverse.amax(1, keepdim=True))
    return _stack(kernel, near, False, by_point, pos, centers, weights, inverse)


def _one_graph(
    evaluate: Callable[..., Tensor], pos: Tensor, centers: Tensor, weights: Tensor, inverse: Tensor
) -> Tensor:
    sources = list(zip(*(x[None].split(_CENTERS_AT_ONCE, 1) for x in (centers, weights, inverse)), strict=True))
    points = pos[None].split(max(1, _PAIRS_AT_ONCE // min(_CENTERS_AT_ONCE, max(1, len(centers)))), 1)
    return torch.cat([torch.stack([evaluate(part, *source)[0] for source in sources]).sum(0) for part in points])


def _one_width_each(
    centers: Tensor, weights: Tensor, widths: Tensor, center_batch: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One centre per width and channel, without those of weight 0 unless the weights need gradients."""
    kept = torch.ones_like(weights) if weights.requires_grad and torch.is_grad_enabled() else weights
    center, channel = kept.nonzero(as_tuple=True)
    each = torch.arange(len(center), device=center.device)
    single = weights.new_zeros(len(center), weights.shape[1]).index_put((each, channel), weights[center, channel])
    return centers[center], single, widths[center, channel], center_batch[center]
