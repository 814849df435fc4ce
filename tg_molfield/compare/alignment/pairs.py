"""Pairs of molecules aligned in batches of similar sizes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tg_molfield.compare.alignment.search import Found, Plan, best_poses
from tg_molfield.compare.alignment.sides import Side
from tg_molfield.compare.scoring import Measure
from tg_molfield.precision import full_precision_on_host

_NUMBERS_AT_ONCE, _NUMBERS_ON_DEVICE = 2**21, 2**24
"""Pairs of Gaussians in one pose of a batch."""
_MOST_PAIRS = 2**14


@full_precision_on_host
def align_pairs(
    mobile: Side,
    fixed: Side,
    rows: Tensor,
    columns: Tensor,
    measure: Measure,
    plan: Plan,
    progress: Callable[[int, int], None] | None = None,
) -> Found:
    """The best poses of pairs, in their order.

    Args:
        mobile: the molecules to move.
        fixed: the molecules that stay.
        rows: the mobile molecule of each pair.
        columns: the fixed molecule of each pair.
        measure: how they are scored.
        plan: of the search.
        progress: called with the pairs done and the pairs in all.
    """
    sizes = mobile.sizes.cpu()[rows] * fixed.sizes.cpu()[columns]
    device = mobile.frames.center.device
    order = (-sizes).argsort(stable=True)
    limit = _NUMBERS_AT_ONCE if device.type == "cpu" else _NUMBERS_ON_DEVICE
    found: list[Found] = []
    done = 0
    while done < len(order):
        per_pair = max(1, int(sizes[order[done]]))
        batch = order[done : done + min(_MOST_PAIRS, max(1, limit // per_pair))]
        sides = mobile.part(rows[batch].to(device)), fixed.part(columns[batch].to(device))
        found.append(best_poses(*sides, measure.weights, measure.metric, plan))
        done += len(batch)
        if progress is not None:
            progress(done, len(order))
    back = order.argsort().to(device)
    return Found(*(torch.cat(parts)[back] for parts in zip(*found, strict=True)))
