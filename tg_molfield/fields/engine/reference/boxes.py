"""Pairs of centres and the boxes of space they reach, and padded groups of lists of different lengths."""

from __future__ import annotations

import bisect
from collections.abc import Iterator

import torch
from torch import Tensor


def boxes_in_reach(
    position: Tensor, radius: Tensor, first: Tensor, last: Tensor, extent: Tensor, is_round: bool
) -> tuple[Tensor, Tensor]:
    """The boxes of a regular lattice that each centre reaches.

    Lengths are in boxes: box k covers [k, k + extent] along its axis.

    Args:
        position: [E, 3], double precision.
        radius: half extents of the reach of a centre [E, 3].
        first: the first box to consider along each axis [3].
        last: the last one [3].
        extent: [3], at most 1.
        is_round: whether the reach is an ellipsoid; otherwise a box.

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
    """Groups of lists of about the same length, to be padded to the longest of each group.

    Args:
        counts: the length of each list [R].
        pairs_at_once: the largest padded size of a group with more than one row.

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
