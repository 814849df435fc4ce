"""Molecules of similar size together, so that little is padded."""

from __future__ import annotations

from torch import Tensor

_TOGETHER = 32
_RATIO = 1.15


def bucket_by_size(count: Tensor, most: int = _TOGETHER, ratio: float = _RATIO) -> list[Tensor]:
    """The rows of ``count [B]`` in parts of at most ``most``, whose greatest is little more than ``ratio`` times the
    least."""
    order = count.argsort(stable=True)
    parts, begin = [], 0
    ordered = count[order].tolist()
    for end in range(1, len(ordered) + 1):
        if end == len(ordered) or end - begin == most or ordered[end] > ratio * ordered[begin] + 1:
            parts.append(order[begin:end])
            begin = end
    return parts
