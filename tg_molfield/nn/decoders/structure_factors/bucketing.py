"""Molecules of similar size batched together, so that little is padded."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from tg_molfield.devices import is_on_host

_MAX_ROWS = 32
_RATIO = 1.15
_MAX_ROWS_ON_DEVICES, _RATIO_ON_DEVICES = 2048, 2.0
"""Devices pad without loss what would be further operations."""


class Bucket(NamedTuple):
    """Molecules that are batched together.

    Attributes:
        rows: their indices, int64.
        largest: the size of the largest.
    """

    rows: Tensor
    largest: int


def bucket_by_size(count: Tensor, ratio: float = _RATIO) -> list[Bucket]:
    """The rows of ``count [B]`` in buckets of bounded length, the largest at most ``ratio`` times the smallest.

    On a device buckets are longer, and sizes may differ by a factor of two.
    """
    max_rows = _MAX_ROWS
    if not is_on_host(count):
        max_rows, ratio = _MAX_ROWS_ON_DEVICES, max(ratio, _RATIO_ON_DEVICES)
    sizes, order = count.sort(stable=True)
    buckets, begin = [], 0
    ordered = sizes.tolist()
    for end in range(1, len(ordered) + 1):
        if end == len(ordered) or end - begin == max_rows or ordered[end] > ratio * ordered[begin] + 1:
            buckets.append(Bucket(order[begin:end], ordered[end - 1]))
            begin = end
    return buckets
