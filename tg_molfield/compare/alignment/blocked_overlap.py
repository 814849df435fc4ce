"""Overlaps of pairs of functions of very many Gaussians, a part of the moved ones at a time."""

from __future__ import annotations

from torch import Tensor

from tg_molfield.compare.alignment.mixture_tables import as_mixture
from tg_molfield.compare.alignment.posed_overlap import Overlaps, PosedOverlap
from tg_molfield.compare.terms import Terms

PAIRS_AT_ONCE = 2**22


class BlockedOverlap:
    """As `PosedOverlap`, in memory that does not grow with the number of Gaussians.

    Args:
        mobile: f, P functions of N Gaussians.
        fixed: g, P functions of M Gaussians.
    """

    def __init__(self, mobile: Terms, fixed: Terms) -> None:
        self._mobile, self._fixed = mobile, fixed
        count, size = fixed.variances.shape
        rows = max(1, PAIRS_AT_ONCE // (count * size))
        self._blocks = [slice(i, i + rows) for i in range(0, mobile.variances.shape[1], rows)]

    def part(self, index: Tensor) -> BlockedOverlap:
        """Some of the pairs."""
        return BlockedOverlap(*(Terms(*(one[index] for one in terms)) for terms in (self._mobile, self._fixed)))

    def value(self, rotation: Tensor, translation: Tensor) -> Tensor:
        """O [P, S] for rotations [P, S, 3, 3] and translations [P, S, 3]."""
        first, *rest = (self._block(rows).value(rotation, translation) for rows in self._blocks)
        return sum(rest, first)

    def derivatives(self, rotation: Tensor, translation: Tensor) -> Overlaps:
        """O and its derivatives."""
        total = self._block(self._blocks[0]).derivatives(rotation, translation)
        for rows in self._blocks[1:]:
            more = self._block(rows).derivatives(rotation, translation)
            total = Overlaps(*(one + other for one, other in zip(total, more, strict=True)))
        return total

    def _block(self, rows: slice) -> PosedOverlap:
        return PosedOverlap.of_terms(Terms(*(one[:, rows] for one in self._mobile)), self._fixed)


def overlap_of(mobile: Terms, fixed: Terms) -> PosedOverlap | BlockedOverlap:
    """The overlaps of P pairs, as the Gaussians allow: several a point together, in blocks where they are many."""
    if mobile.variances.numel() * fixed.variances.shape[1] > PAIRS_AT_ONCE * len(mobile.pos):
        return BlockedOverlap(mobile, fixed)
    f, g = as_mixture(mobile), as_mixture(fixed)
    return PosedOverlap.of_terms(mobile, fixed) if f is None or g is None else PosedOverlap.of_mixtures(f, g)
