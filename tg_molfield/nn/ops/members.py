"""The rows of groups, such as the atoms of molecules, where groups are runs of consecutive rows."""

from __future__ import annotations

import torch
from torch import Tensor


def members_of(groups: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """All pairs of a place in ``groups`` and a member of the group there, in that order.

    Args:
        groups: ``[R]`` int64, which of the G groups; each any number of times.
        count: ``[G]`` int64, how many members each group has, the first group's first.

    Returns:
        The places in ``groups`` and the members, ``[P]`` each.
    """
    start = count.cumsum(0) - count
    size = count[groups]
    place = torch.repeat_interleave(size)
    within = torch.arange(place.size(0), device=place.device) - (size.cumsum(0) - size)[place]
    return place, start[groups[place]] + within
