"""Molecules of similar size batched together, so that little is padded."""

from __future__ import annotations

from torch import Tensor

_MAX_ROWS = 32
_RATIO = 1.15


def bucket_by_size(count: Tensor, max_rows: int = _MAX_ROWS, ratio: float = _RATIO) -> list[Tensor]:
    """Row indices of ``count [B]`` in buckets of at most ``max_rows``, the largest ``ratio`` times the smallest."""
    order = count.argsort(stable=True)
    buckets, begin = [], 0
    ordered = count[order].tolist()
    for end in range(1, len(ordered) + 1):
        if end == len(ordered) or end - begin == max_rows or ordered[end] > ratio * ordered[begin] + 1:
            buckets.append(order[begin:end])
            begin = end
    return buckets
