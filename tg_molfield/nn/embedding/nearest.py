"""`nearest`: which codes are nearest to each of many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tg_molfield.arguments import check_choice, require_counts
from tg_molfield.chem.validation import check_tensor
from tg_molfield.devices import in_widest_type, widest_type
from tg_molfield.nn.cards import neighbors_card

DISTANCES = ("cosine", "euclidean")
ROWS_AT_ONCE = 1024
_COLUMNS_AT_ONCE = 8192
_NUMBERS_AT_ONCE = 2**22
_SPARE = 8
"""More candidates than neighbours, as products of codes tell the nearest only up to rounding."""
_LARGEST, _SMALLEST = 1e150, 1e-300
"""Of codes: the greatest number, whose square does not overflow, and the least length that makes a direction."""


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
        codes: ``[M, S]``, finite, at most 1e150, with at least one number each.
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
        raise ValueError(
            f"codes: expected finite floats [M, S], at most {_LARGEST:g}, got {codes.dtype} of {list(codes.shape)}; "
            "repair them"
        )
    if not codes.size(1) and len(codes):
        raise ValueError(
            f"codes: expected numbers, got none of each of {len(codes)} molecules; take whole codes, or a model with "
            "summary_channels"
        )
    codes = codes.detach()
    middle = _mean(codes) if distance == "euclidean" else None
    count = len(codes)
    k = min(k, max(count - 1, 0))
    for first in range(start, count, ROWS_AT_ONCE):
        rows = torch.arange(first, min(first + ROWS_AT_ONCE, count), device=codes.device)
        candidates = _candidates(codes, rows, min(k + _SPARE, count - 1), middle)
        yield _sorted(codes, rows, candidates, k, distance)


def _candidates(codes: Tensor, rows: Tensor, count: int, middle: Tensor | None) -> Tensor:
    """``[R, count]``, those whose products with ``rows [R]`` are the closest, the first ones of equals.

    Args:
        codes: ``[M, S]``.
        rows: whose neighbours are sought.
        count: how many for each.
        middle: ``[S]``, what codes have in common, without which products tell them apart; None for directions.
    """
    own = _directions(codes[rows]) if middle is None else in_widest_type(codes[rows]) - middle
    best = own.new_full((len(rows), count), -torch.inf)
    index = torch.zeros(len(rows), count, dtype=torch.int64, device=rows.device)
    for columns in _blocks(len(codes) if count else 0, rows.device):
        if middle is None:
            closeness = own @ _directions(codes[columns]).T
        else:
            others = in_widest_type(codes[columns]) - middle
            closeness = 2 * (own @ others.T) - others.square().sum(1)
        closeness.masked_fill_(rows[:, None] == columns, -torch.inf)
        row, column = (closeness > best[:, -1:]).nonzero(as_tuple=True)
        number = torch.bincount(row, minlength=len(rows))
        slot = torch.arange(len(row), device=row.device) - (number.cumsum(0) - number)[row]
        values = torch.cat([best, best.new_full((len(rows), int(number.max())), -torch.inf)], 1)
        places = F.pad(index, (0, int(number.max())))
        values[row, count + slot] = closeness[row, column]
        places[row, count + slot] = columns[column]
        best, kept = (part[:, :count] for part in values.sort(descending=True, stable=True))
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
    size = max(1, _NUMBERS_AT_ONCE // (index.size(1) * codes.size(1) + 1))
    parts = zip(rows.split(size), index.split(size), strict=True)
    distances = torch.cat([_distances(codes[some], codes[others], distance) for some, others in parts])
    order = distances.argsort(dim=1, stable=True)[:, :k]
    return Neighbors(index.gather(1, order), distances.gather(1, order))


def _distances(own: Tensor, others: Tensor, distance: str) -> Tensor:
    """From codes ``own [R, S]`` to ``others [R, K, S]``, ``[R, K]``."""
    if distance == "euclidean":
        return (in_widest_type(own)[:, None] - in_widest_type(others)).norm(dim=2)
    one, two = _directions(own)[:, None], _directions(others)
    zero = (one == 0).all(2) | (two == 0).all(2)
    return torch.where(zero, 1.0, (one - two).square().sum(2) / 2)


def _directions(codes: Tensor) -> Tensor:
    """Codes ``[..., S]`` as unit vectors in the widest type; those that are zero stay."""
    return F.normalize(F.normalize(in_widest_type(codes), torch.inf, -1, _SMALLEST), dim=-1)


def _mean(codes: Tensor) -> Tensor:
    """``[S]``, in the widest type."""
    total = codes.new_zeros(codes.size(1), dtype=widest_type(codes.device))
    return sum((in_widest_type(some).sum(0) for some in codes.split(_COLUMNS_AT_ONCE)), total) / max(len(codes), 1)


def _is_finite(codes: Tensor) -> bool:
    return bool((in_widest_type(codes).abs() <= _LARGEST).all())
