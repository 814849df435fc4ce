"""Sums at many scattered points: tiles of nearby points, each with the centres that reach it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tg_molfield.fields.engine.reference.boxes import padded_groups
from tg_molfield.fields.engine.reference.point_cells import Cells, Section

_POINTS_OF_A_TILE = 64
_DISTANCES_AT_ONCE = 2**19


def sum_in_tiles(
    evaluate: Callable[..., Tensor],
    centers: Tensor,
    weights: Tensor,
    inverse: Tensor,
    center_batch: Tensor,
    pos: Tensor,
    batch: Tensor,
    num_graphs: int,
    reach: float,
) -> Tensor:
    """A sum over the centres near each point.

    Args:
        evaluate: the sum for stacks of points [G, T, 3], centres [G, P, 3], weights [G, P, C] and 1/σ [G, P].
        centers: [N, 3] in Å.
        weights: [N, C].
        inverse: 1/σ [N].
        center_batch: graph of each centre [N], sorted.
        pos: [Q, 3] in Å.
        batch: graph of each point [Q], sorted.
        num_graphs: B.
        reach: the cutoff in widths.

    Returns:
        The results of ``evaluate`` for the points [Q, ...]: for those that no centre reaches, of no centres; NaN for
        those that are.
    """
    inside = _within_reach(centers, reach / inverse, center_batch, pos, batch, num_graphs)
    if inside is None:
        return _sum_inside(evaluate, centers, weights, inverse, center_batch, pos, batch, num_graphs, reach)
    near, far = inside.nonzero()[:, 0], (~inside).nonzero()[:, 0]
    none = (centers[None, :0], weights[None, :0], inverse[None, :0])
    values = evaluate(pos[far][None], *none)[0]
    unknown = pos[far].isnan().any(1)
    parts = [values.masked_fill(unknown.view(-1, *[1] * (values.ndim - 1)), math.nan)]
    if len(near):
        rest = (centers, weights, inverse, center_batch, pos[near], batch[near], num_graphs, reach)
        parts.append(_sum_inside(evaluate, *rest))
    return torch.cat(parts).index_select(0, _inverse(torch.cat([far, near])))


def _within_reach(
    centers: Tensor, radius: Tensor, center_batch: Tensor, pos: Tensor, batch: Tensor, num_graphs: int
) -> Tensor | None:
    """Which points [Q] lie in the box that the centres of their graph reach; None if all do.

    Cells that hold the others too would be so large that positions in them are coarse.
    """
    rows, reach, pos = center_batch[:, None].expand(-1, 3), radius.detach()[:, None], pos.detach()
    unset = pos.new_full((num_graphs, 3), math.inf)
    lows = unset.scatter_reduce(0, rows, centers.detach() - reach, "amin")
    highs = (-unset).scatter_reduce(0, rows, centers.detach() + reach, "amax")
    if num_graphs == 1 and bool((pos.amin(0) >= lows).all() & (pos.amax(0) <= highs).all()):
        return None
    inside = ((pos >= lows[batch]) & (pos <= highs[batch])).all(1)
    return None if bool(inside.all()) else inside


def _inverse(order: Tensor) -> Tensor:
    """The permutation that undoes ``order``."""
    back = torch.empty_like(order)
    back[order] = torch.arange(len(back), device=back.device)
    return back


def _sum_inside(
    evaluate: Callable[..., Tensor],
    centers: Tensor,
    weights: Tensor,
    inverse: Tensor,
    center_batch: Tensor,
    pos: Tensor,
    batch: Tensor,
    num_graphs: int,
    reach: float,
) -> Tensor:
    """`sum_in_tiles` at points in the box that the centres of their graph reach."""
    cells = Cells.of(centers, reach / inverse, center_batch, pos, batch, num_graphs)
    sources = torch.cat([centers, inverse[:, None], weights], 1)
    ordered = pos.index_select(0, cells.order)
    parts, start = [], 0
    for section in cells.sections():
        stop = start + int(section.sizes.sum())
        parts.append(_sum_section(evaluate, section, ordered[start:stop], sources))
        start = stop
    return torch.cat(parts).index_select(0, _inverse(cells.order))


def _sum_section(evaluate: Callable[..., Tensor], section: Section, pos: Tensor, sources: Tensor) -> Tensor:
    cell, points = _tiles(section.sizes)
    counts, middles = section.counts[cell], section.middles.to(pos.dtype)[cell]
    starts = (section.counts.cumsum(0) - section.counts)[cell]
    near = torch.nn.functional.pad(sources.index_select(0, section.center), (0, 0, 0, 1))
    order = torch.full((len(pos),), -1, device=pos.device)
    parts, total = [], 0
    for rows, longest in padded_groups(counts, _DISTANCES_AT_ONCE // _POINTS_OF_A_TILE):
        places = torch.arange(longest, device=pos.device)
        filled = places < counts[rows, None]
        around = _take(near, torch.where(filled, starts[rows, None] + places, len(near) - 1))
        index, middle = points[rows], middles[rows, None]
        values = evaluate(
            _take(pos, index.clamp_min(0)) - middle, around[..., :3] - middle, around[..., 4:], around[..., 3]
        ).flatten(0, 1)
        kept = (index.flatten() >= 0).nonzero()[:, 0]
        order[index.flatten()[kept]] = kept + total
        total += len(values)
        parts.append(values)
    if not parts:
        return evaluate(pos[None], *(near[None, :0, part] for part in (slice(3), slice(4, None), 3)))[0]
    parts.append(torch.zeros_like(parts[0][:1]))
    return torch.cat(parts).index_select(0, torch.where(order < 0, total, order))


def _take(rows: Tensor, places: Tensor) -> Tensor:
    return rows.index_select(0, places.flatten()).unflatten(0, places.shape)


def _tiles(sizes: Tensor) -> tuple[Tensor, Tensor]:
    """The cell [R] and the points [R, T] of every tile, padded with −1, from the sizes of the cells [k]."""
    tiles = (sizes + _POINTS_OF_A_TILE - 1) // _POINTS_OF_A_TILE
    cell = torch.repeat_interleave(tiles)
    nth = torch.arange(len(cell), device=sizes.device) - (tiles.cumsum(0) - tiles)[cell]
    place = nth[:, None] * _POINTS_OF_A_TILE + torch.arange(_POINTS_OF_A_TILE, device=sizes.device)
    start = (sizes.cumsum(0) - sizes)[cell, None]
    return cell, torch.where(place < sizes[cell, None], start + place, -1)
