"""Which centres reach which boxes of space, and the padded groups that such lists are evaluated in."""

from __future__ import annotations

import bisect
from collections.abc import Iterator

import torch
from torch import Tensor


def touching(
    position: Tensor, radius: Tensor, first: Tensor, last: Tensor, extent: Tensor, is_round: bool
) -> tuple[Tensor, Tensor]:
    """The boxes of a lattice that each centre reaches.

    Lengths are in boxes: box k covers [k, k + extent] along its axis.

    Args:
        position: [E, 3], double precision.
        radius: the half extents [E, 3] of what a centre reaches.
        first: the first box [3] along each axis that is asked for.
        last: the last one [3].
        extent: [3], at most 1.
        is_round: whether the reach is the ellipsoid of these half extents; their whole box if not.

    Returns:
        The centre [M] and the box [M, 3] of every pair.
    """
    low = torch.maximum(torch.ceil(position - radius - extent), first)
    spans = (torch.minimum(torch.floor(position + radius), last) - low + 1).clamp_min(0).long()
    centre = torch.arange(len(position), device=position.device)
    gap = position.new_zeros(len(position))
    boxes: list[Tensor] = []
    for axis in range(3):
        counts = spans[centre, axis]
        row = torch.repeat_interleave(counts)
        nth = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
        centre = centre[row]
        place = low[centre, axis] + nth
        boxes = [box[row] for box in boxes] + [place]
        if is_round:
            offset = position[centre, axis] - place
            beyond = (offset - offset.clamp(0, float(extent[axis]))) / radius[centre, axis]
            gap = gap[row] + beyond.square()
            near = gap <= 1
            centre, gap, boxes = centre[near], gap[near], [box[near] for box in boxes]
    return centre, torch.stack(boxes, 1).long()


def padded_groups(counts: Tensor, pairs_at_once: int) -> Iterator[tuple[Tensor, int]]:
    """Rows of about equally long lists, to be padded to the longest of their group.

    Args:
        counts: the length of each list [R].
        pairs_at_once: the most rows times longest list in a group, where a group has more than one row.

    Yields:
        The rows [G] of a group, the longest first, and the length of its longest list; empty lists are left out.
    """
    lengths, rows = counts.sort(descending=True)
    negative = lengths.neg().tolist()
    start, total = 0, bisect.bisect_left(negative, 0)
    while start < total:
        longest = -negative[start]
        stop = min(start + max(1, pairs_at_once // longest), total)
        stop = bisect.bisect_right(negative, min(3 - 0.75 * longest, -1), start, stop)
        yield rows[start:stop], longest
        start = stop
