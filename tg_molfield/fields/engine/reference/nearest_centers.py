"""Minima over spheres at many points, restricted to the spheres that can be nearest to a point."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tg_molfield.fields.engine.functorch import is_transformed
from tg_molfield.fields.engine.reference.boxes import padded_groups
from tg_molfield.precision import HALF_TYPES

_POINTS_OF_A_CELL = 64
_NUMBERS_AT_ONCE = 2**20


def reduce_over_nearest(
    reduce: Callable[[Tensor, Tensor], Tensor], centers: Tensor, radii: Tensor, pos: Tensor, margin: float
) -> Tensor:
    """Reduce the signed distances |x − c_i| − R_i over the spheres that can be nearest to a point.

    Args:
        reduce: takes distances [G, T, P], padded with infinity, and their centres [G, P]; returns values [G, T].
        centers: [N, 3] in Å, N ≥ 1.
        radii: R [N] in Å.
        pos: [Q, 3] in Å.
        margin: also include spheres up to this many Å beyond the nearest.

    Returns:
        The values [Q]; for points that are NaN, NaN or some integer.
    """
    if pos.dtype in HALF_TYPES:
        found = reduce_over_nearest(reduce, centers.float(), radii.float(), pos.float(), margin)
        return found.to(pos) if found.is_floating_point() else found
    if is_transformed():
        squares = (pos[:, None] - centers).square().sum(-1)
        distances = squares.clamp_min(torch.finfo(pos.dtype).tiny).sqrt() - radii
        return reduce(distances[None], torch.arange(len(centers), device=pos.device)[None])[0]
    unknown = pos.isnan().any(1)
    if bool(unknown.any()):
        found = reduce_over_nearest(reduce, centers, radii, torch.where(unknown[:, None], centers[:1], pos), margin)
        return found.masked_fill(unknown, math.nan) if found.is_floating_point() else found
    order, sizes, middles, half = _cells(pos.detach())
    starts = sizes.cumsum(0) - sizes
    around = torch.nn.functional.pad(centers, (0, 0, 0, 1))
    outer = torch.nn.functional.pad(radii, (0, 1), value=-math.inf)
    parts, places = [], []
    for rows in torch.arange(len(sizes), device=pos.device).split(max(1, _NUMBERS_AT_ONCE // len(centers))):
        gaps = (
            torch.cdist(middles[rows], centers.detach(), compute_mode="donot_use_mm_for_euclid_dist") - radii.detach()
        )
        near = gaps <= gaps.amin(1, keepdim=True) + 2 * half + margin
        center = near.nonzero()[:, 1]
        counts = near.sum(1)
        first = counts.cumsum(0) - counts
        most = int(sizes[rows].max())
        for group, longest in padded_groups(counts, max(1, _NUMBERS_AT_ONCE // most)):
            step = torch.arange(longest, device=pos.device)
            filled = step < counts[group, None]
            index = torch.where(filled, center[(first[group, None] + step).clamp_max(len(center) - 1)], len(centers))
            turn = torch.arange(int(sizes[rows[group]].max()), device=pos.device)
            held = turn < sizes[rows[group], None]
            place = order[(starts[rows[group], None] + turn).clamp_max(len(order) - 1)]
            offsets = pos[place][:, :, None] - around[index][:, None]
            distances = offsets.square().sum(-1).clamp_min(torch.finfo(pos.dtype).tiny).sqrt()
            parts.append(reduce(distances - outer[index][:, None], index)[held])
            places.append(place[held])
    back = torch.empty_like(order)
    back[torch.cat(places)] = torch.arange(len(order), device=pos.device)
    return torch.cat(parts)[back]


def _cells(pos: Tensor) -> tuple[Tensor, Tensor, Tensor, float]:
    low, extent = pos.amin(0), (pos.amax(0) - pos.amin(0)).clamp_min(1e-3)
    side = max(float((extent.prod() * _POINTS_OF_A_CELL / len(pos)) ** (1 / 3)), float(extent.max()) / 2**12)
    place = ((pos - low) / side).floor().long()
    shape = place.amax(0) + 1
    key = (place[:, 0] * shape[1] + place[:, 1]) * shape[2] + place[:, 2]
    ordered, order = key.sort()
    sizes = ordered.unique_consecutive(return_counts=True)[1]
    first = order[sizes.cumsum(0) - sizes]
    middles = low + (place[first] + 0.5) * side
    return order, sizes, middles, side * math.sqrt(3) / 2
