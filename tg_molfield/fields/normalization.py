"""Fields whose channels are divided by their largest values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from tg_molfield.fields.grid import Grid
from tg_molfield.fields.rbf import RBFField

_VALUES_AT_ONCE = 2**24


def normalized(field: RBFField, grids: Sequence[Grid], sizes: Sequence[int]) -> RBFField:
    """The field with each channel of each graph divided by its largest absolute value, of vectors their largest length.

    Channels that are 0 stay so.

    Args:
        field: of B graphs.
        grids: B grids of one shape, where values are looked at.
        sizes: the numbers of components of the channels, whose sum is C.
    """
    at_once = max(1, _VALUES_AT_ONCE // max(1, len(field.channels) * math.prod(grids[0].shape)))
    peaks = []
    with torch.no_grad():
        for start, part in zip(range(0, len(grids), at_once), field.in_batches(at_once), strict=True):
            values = torch.stack([volume.values for volume in part.on_each(grids[start : start + at_once])])
            parts = values.flatten(2).split(list(sizes), 1)
            peaks.append(torch.cat([one.norm(dim=1).amax(1, keepdim=True).expand(one.shape[:2]) for one in parts], 1))
    peak = torch.cat(peaks)
    return field.scaled(torch.where(peak > 0, 1 / peak, torch.zeros_like(peak)))
