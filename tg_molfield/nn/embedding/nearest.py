"""`nearest`: which codes are nearest to each of many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tg_molfield.arguments import check_choice, require_counts
from tg_molfield.chem.validation import check_tensor
from tg_molfield.devices import in_widest_type
from tg_molfield.nn.cards import neighbors_card

DISTANCES = ("cosine", "euclidean")
ROWS_AT_ONCE = 1024
_COLUMNS_AT_ONCE = 8192
_SPARE = 8
"""More candidates than neighbours, as products of codes tell the nearest only up to rounding."""


@dataclass(frozen=True, eq=False, repr=False)
class Neighbors:
    """The K nearest of each of M codes, the nearest first.

    Attributes:
        index: ``[M, K]`` int64, their rows.
        distance: ``[M, K]``, float64.
    """

    index: Tensor
    distance: Tensor

    def __repr__(self) -> str:
        return f"Neighbors(the {self.index.size(1)} nearest of each of {len(self.index)} codes)"

    def _repr_html_(self) -> str:
        return neighbors_card(self)


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
    found = [*nearest_blocks(codes, k, distance)]
    if not found:
        return Neighbors(torch.zeros(0, 0, dtype=torch.int64), torch.zeros(0, 0, dtype=torch.float64))
    return Neighbors(torch.cat([one.index for one in found]), torch.cat([one.distance for one in found]))


def nearest_blocks(codes: Tensor, k: int, distance: str = "cosine", start: int = 0) -> Iterator[Neighbors]:
    """As `nearest`, the neighbours of `ROWS_AT_ONCE` rows at a time; memory does not grow with their number.

    Args:
        codes: ``[M, S]``, which may be mapped from a file.
        k: how many.
        distance: as for `nearest`.
        start: the first row.
    """
    check_tensor("codes", codes)
    require_counts(1, k=k)
    check_choice("distance", distance, DISTANCES)
    if codes.dim() != 2 or not codes.is_floating_point() or not all(map(_is_finite, codes.split(_COLUMNS_AT_ONCE))):
        raise ValueError(f"codes: expected finite floats [M, S], got {codes.dtype} of {list(codes.shape)}; repair them")
    count = len(codes)
    k = min(k, max(count - 1, 0))
    for first in range(start, count, ROWS_AT_ONCE):
        rows = torch.arange(first, min(first + ROWS_AT_ONCE, count), device=codes.device)
        candidates = _candidates(codes, rows, min(k + _SPARE, count - 1), distance)
        yield _sorted(codes, rows, candidates, k, distance)


def _candidates(codes: Tensor, rows: Tensor, count: int, distance: str) -> Tensor:
    """``[R, count]``, those whose products with ``rows [R]`` are the closest."""
    own = _points(codes[rows], distance)
    best = own.new_full((len(rows), count), -torch.inf)
    index = torch.zeros(len(rows), count, dtype=torch.int64, device=rows.device)
    for columns in _blocks(len(codes) if count else 0, rows.device):
        others = _points(codes[columns], distance)
        closeness = own @ others.T
        if distance == "euclidean":
            closeness = 2 * closeness - others.square().sum(1)
        closeness.masked_fill_(rows[:, None] == columns, -torch.inf)
        row, column = (closeness > best[:, -1:]).nonzero(as_tuple=True)
        number = torch.bincount(row, minlength=len(rows))
        slot = torch.arange(len(row), device=row.device) - (number.cumsum(0) - number)[row]
        values = torch.cat([best, best.new_full((len(rows), int(number.max())), -torch.inf)], 1)
        places = F.pad(index, (0, int(number.max())))
        values[row, count + slot] = closeness[row, column]
        places[row, count + slot] = columns[column]
        best, kept = values.topk(count)
        index = places.gather(1, kept)
    return index


def _blocks(count: int, device: torch.device) -> Iterator[Tensor]:
    """Numbers up to ``count`` in blocks that grow with what is before them: each brings few that are closer."""
    first, size = 0, _COLUMNS_AT_ONCE // 16
    while first < count:
        last = min(count, first + max(1, size))
        yield torch.arange(first, last, device=device)
        first, size = last, min(last, _COLUMNS_AT_ONCE)


def _sorted(codes: Tensor, rows: Tensor, index: Tensor, k: int, distance: str) -> Neighbors:
    """The ``k`` nearest to ``rows [R]`` of those at ``index [R, K]``, by their distances, which are free of rounding.

    Equal distances are in the order of the rows.
    """
    index = index.sort(1).values
    own, others = _points(codes[rows], distance), _points(codes[index], distance)
    distances = (own[:, None] - others).norm(dim=2)
    if distance == "cosine":
        zero = (own == 0).all(1)[:, None] | (others == 0).all(2)
        distances = torch.where(zero, torch.ones_like(distances), distances.square() / 2)
    order = distances.argsort(dim=1, stable=True)[:, :k]
    return Neighbors(index.gather(1, order), distances.gather(1, order))


def _points(codes: Tensor, distance: str) -> Tensor:
    """Codes ``[..., S]`` as points whose Euclidean distances order them."""
    points = in_widest_type(codes.detach())
    return F.normalize(points, dim=-1) if distance == "cosine" else points


def _is_finite(codes: Tensor) -> bool:
    return bool(codes.isfinite().all())
