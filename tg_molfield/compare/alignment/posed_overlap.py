"""Overlaps of pairs of functions in many poses of one side, with their derivatives by rigid motion."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.compare.alignment.mixture_tables import Mixture, MixtureTables
from tg_molfield.compare.alignment.pair_group import PairGroup
from tg_molfield.compare.alignment.pair_tables import PairTables, rates_of
from tg_molfield.compare.terms import Terms, sizes, split_by_value, used_sizes

NUMBERS_IN_GROUP = 2**17
"""Pairs of points of a group in one pose, on a processor."""


class Overlaps(NamedTuple):
    """Overlaps O of P pairs in S poses, and their derivatives by the motion (ω, τ).

    Attributes:
        value: O [P, S].
        gradient: ∂O [P, S, 6].
        curvature: ∂²O [P, S, 6, 6].
    """

    value: Tensor
    gradient: Tensor
    curvature: Tensor


class PosedOverlap:
    """∫ f g over all channels for P pairs of functions, f moved to u = R x + t.

    ∂O = −Σ a e ∂D and ∂²O = Σ a² e ∂D ∂Dᵀ − Σ a e ∂²D, summed over pairs of points. On a processor, pairs of similar
    sizes are evaluated together, so that little is padded.

    Args:
        groups: the pairs.
    """

    def __init__(self, groups: Sequence[PairGroup]) -> None:
        self._groups = list(groups)
        rows = torch.cat([group.rows for group in groups])
        self._back = None if bool((rows.diff() > 0).all()) else rows.argsort()
        self._count = len(rows)

    @classmethod
    def of_terms(cls, mobile: Terms, fixed: Terms) -> PosedOverlap:
        """Of P functions of N and P of M Gaussians."""
        rates = rates_of(mobile, fixed)

        def group(rows: Tensor, size: int, other: int) -> PairGroup:
            f, g = _cut(mobile, rows, size), _cut(fixed, rows, other)
            return PairGroup(rows, f.pos, g.pos, PairTables(f, g, None if rates is None else rates.part(rows)))

        return cls(_grouped(sizes(mobile), sizes(fixed), group))

    @classmethod
    def of_mixtures(cls, mobile: Mixture, fixed: Mixture) -> PosedOverlap:
        """Of functions with the same several Gaussians at every point."""

        def group(rows: Tensor, size: int, other: int) -> PairGroup:
            f, g = mobile.part(rows, size), fixed.part(rows, other)
            return PairGroup(rows, f.pos, g.pos, MixtureTables(f, g))

        return cls(_grouped(used_sizes(mobile.charges), used_sizes(fixed.charges), group))

    def part(self, index: Tensor) -> PosedOverlap:
        """Some of the pairs, by their numbers in rising order."""
        if len(self._groups) == 1 and self._back is None:
            rows = torch.arange(len(index), device=index.device)
            return PosedOverlap([self._groups[0].part(index, rows)])
        number = index.new_full((self._count,), -1)
        number[index] = torch.arange(len(index), device=index.device)
        found = []
        for group in self._groups:
            rows = number[group.rows]
            kept = (rows >= 0).nonzero()[:, 0]
            if len(kept):
                found.append(group.part(kept, rows[kept]))
        return PosedOverlap(found)

    def value(self, rotation: Tensor, translation: Tensor) -> Tensor:
        """O [P, S] for rotations [P, S, 3, 3] and translations [P, S, 3]."""
        parts = [group.value(*pose) for group, *pose in self._placed(rotation, translation)]
        return self._joined(parts)

    def derivatives(self, rotation: Tensor, translation: Tensor) -> Overlaps:
        """O and its derivatives."""
        parts = [group.derivatives(*pose) for group, *pose in self._placed(rotation, translation)]
        value, slopes = (self._joined(some) for some in zip(*parts, strict=True))
        return Overlaps(value, slopes[..., :6], slopes[..., 6:].unflatten(-1, (6, 6)))

    def _placed(self, rotation: Tensor, translation: Tensor) -> Iterator[tuple[PairGroup, Tensor, Tensor]]:
        """The groups with their poses."""
        for group in self._groups:
            if len(self._groups) == 1 and self._back is None:
                yield group, rotation, translation
            else:
                yield group, rotation[group.rows], translation[group.rows]

    def _joined(self, parts: Sequence[Tensor]) -> Tensor:
        """What groups gave, in the order of the pairs."""
        whole = torch.cat(list(parts)) if len(parts) > 1 else parts[0]
        return whole if self._back is None else whole[self._back]


def _grouped(counts: Tensor, others: Tensor, group: Callable[[Tensor, int, int], PairGroup]) -> list[PairGroup]:
    """Groups of pairs of similar numbers of points, one group on a card."""
    number = -(-int((counts * others).sum()) // NUMBERS_IN_GROUP) if counts.device.type == "cpu" else 1
    if number < 2:
        return [group(torch.arange(len(counts), device=counts.device), int(counts.max()), int(others.max()))]
    strips = round(math.sqrt(number))
    found = []
    for strip in split_by_value(torch.arange(len(counts)), counts, strips):
        for rows in split_by_value(strip, others, -(-number // strips)):
            found.append(group(rows, int(counts[rows].max()), int(others[rows].max())))
    return found


def _cut(terms: Terms, rows: Tensor, size: int) -> Terms:
    return Terms(terms.pos[rows, :size], terms.variances[rows, :size], terms.weights[rows, :size])
