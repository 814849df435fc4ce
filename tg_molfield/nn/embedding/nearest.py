"""`nearest`: which codes are nearest to each of many."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tg_molfield.arguments import check_integers
from tg_molfield.chem.validation import check_tensor

DISTANCES = ("cosine", "euclidean")
_NUMBERS_AT_ONCE = 2**23


@dataclass(frozen=True, eq=False)
class Neighbors:
    """The K nearest of each of M codes, the nearest first.

    Attributes:
        index: ``[M, K]`` int64, their rows.
        distance: ``[M, K]``, float64.
    """

    index: Tensor
    distance: Tensor


def nearest(codes: Tensor, k: int, distance: str = "cosine") -> Neighbors:
    """The ``k`` nearest of each code among the others, in blocks of bounded memory.

    Take summaries (`Embeddings.summary`), which change smoothly with the geometry; the rest of a code depends on a
    frame, which does not.

    Args:
        codes: ``[M, S]``, finite.
        k: how many; M − 1 where there are no more.
        distance: ``"cosine"`` (1 − cos of the angle between two codes, 1 where one is zero) or ``"euclidean"``.

    Raises:
        ValueError: an argument is not as described.
    """
    check_tensor("codes", codes)
    check_integers(k=k)
    if codes.dim() != 2 or not codes.is_floating_point() or not bool(codes.isfinite().all()):
        raise ValueError(f"codes: expected finite floats [M, S], got {codes.dtype} of {list(codes.shape)}; repair them")
    if k < 1:
        raise ValueError(f"k: expected 1 or more, got {k}; 10 is usual")
    if distance not in DISTANCES:
        raise ValueError(f"distance: expected one of {', '.join(DISTANCES)}, got {distance!r}; choose one")
    points = codes.detach().double()
    if distance == "cosine":
        points = F.normalize(points)
    count = len(points)
    k = min(k, max(count - 1, 0))
    square = points.square().sum(1)
    found = []
    for rows in torch.arange(count, device=points.device).split(max(1, _NUMBERS_AT_ONCE // max(count, 1))):
        closeness = points[rows] @ points.T
        if distance == "euclidean":
            closeness = 2 * closeness - square
        closeness[torch.arange(len(rows), device=points.device), rows] = -torch.inf
        found.append(_sorted(points, rows, closeness.topk(k).indices, distance))
    if not found:
        return Neighbors(torch.zeros(0, 0, dtype=torch.int64), points.new_zeros(0, 0))
    index, distances = (torch.cat(parts) for parts in zip(*found, strict=True))
    return Neighbors(index, distances)


def _sorted(points: Tensor, rows: Tensor, index: Tensor, distance: str) -> tuple[Tensor, Tensor]:
    """The neighbours of ``rows [R]`` at ``index [R, k]`` in the order of their distances, which are free of rounding.

    Equal distances are in the order of the rows.
    """
    index = index.sort(1).values
    distances = (points[rows, None] - points[index]).norm(dim=2)
    if distance == "cosine":
        zero = (points[rows] == 0).all(1)[:, None] | (points[index] == 0).all(2)
        distances = torch.where(zero, torch.ones_like(distances), distances.square() / 2)
    order = distances.argsort(dim=1, stable=True)
    return index.gather(1, order), distances.gather(1, order)
