"""The score of pairs of molecules in many poses: a weighted mean of likenesses, with its derivatives."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.compare.alignment.blocked_overlap import overlap_of
from tg_molfield.compare.metrics import Metric
from tg_molfield.compare.terms import Terms


class Values(NamedTuple):
    """Scores F of P pairs in S poses.

    Attributes:
        value: F [P, S].
        by_term: the likeness in each term [P, S, K].
    """

    value: Tensor
    by_term: Tensor


class Slopes(NamedTuple):
    """Scores F of P pairs in S poses, and their derivatives by the motion (ω, τ).

    Attributes:
        value: F [P, S].
        gradient: [P, S, 6].
        curvature: ∂²F [P, S, 6, 6].
        by_term: the likeness in each term [P, S, K].
    """

    value: Tensor
    gradient: Tensor
    curvature: Tensor
    by_term: Tensor


class Objective:
    """F = Σ_k w_k m(O_k, A_k, B_k) over terms k, such as shape and colour.

    Args:
        mobile: for each term, the moved functions of the P pairs.
        fixed: for each term, the fixed functions.
        own: for each term, A and B, the overlaps [P] of the functions with themselves.
        weights: w, adding up to 1.
        metric: m.
    """

    def __init__(
        self,
        mobile: Sequence[Terms],
        fixed: Sequence[Terms],
        own: Sequence[tuple[Tensor, Tensor]],
        weights: Sequence[float],
        metric: Metric,
    ) -> None:
        self._overlaps = [overlap_of(f, g) for f, g in zip(mobile, fixed, strict=True)]
        self._own = [torch.stack(some, 1)[:, None] for some in zip(*own, strict=True)]
        self._weights, self._metric = self._own[0].new_tensor(weights), metric

    def part(self, index: Tensor) -> Objective:
        """Some of the pairs."""
        part = copy.copy(self)
        part._overlaps = [overlap.part(index) for overlap in self._overlaps]
        part._own = [one[index] for one in self._own]
        return part

    def values(self, rotation: Tensor, translation: Tensor) -> Values:
        """F."""
        overlaps = torch.stack([overlap.value(rotation, translation) for overlap in self._overlaps], -1)
        by_term = self._metric(overlaps, *self._own)
        return Values(by_term @ self._weights, by_term)

    def slopes(self, rotation: Tensor, translation: Tensor) -> Slopes:
        """F and its derivatives."""
        found = [overlap.derivatives(rotation, translation) for overlap in self._overlaps]
        likeness = self._metric.likeness(torch.stack([one.value for one in found], -1), *self._own)
        slopes, curvatures = (self._weights * one for one in (likeness.slope, likeness.curvature))
        total: list[Tensor] = []
        for one, slope, curvature in zip(
            found, slopes[..., None].unbind(2), curvatures[..., None].unbind(2), strict=True
        ):
            outer = (curvature * one.gradient)[..., None] * one.gradient[..., None, :]
            terms = [slope * one.gradient, outer.addcmul_(slope[..., None], one.curvature)]
            total = terms if not total else [mine.add_(more) for mine, more in zip(total, terms, strict=True)]
        return Slopes(likeness.value @ self._weights, total[0], total[1], likeness.value)
