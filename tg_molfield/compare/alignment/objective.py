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
        self._own = [(f[:, None], g[:, None]) for f, g in own]
        self._weights, self._metric = list(weights), metric

    def part(self, index: Tensor) -> Objective:
        """Some of the pairs."""
        part = copy.copy(self)
        part._overlaps = [overlap.part(index) for overlap in self._overlaps]
        part._own = [(f[index], g[index]) for f, g in self._own]
        return part

    def slopes(self, rotation: Tensor, translation: Tensor) -> Slopes:
        """F and its derivatives."""
        total: list[Tensor] = []
        by_term = []
        for overlap, own, weight in zip(self._overlaps, self._own, self._weights, strict=True):
            value, gradient, bend = overlap.derivatives(rotation, translation)
            likeness = self._metric.likeness(value, *own)
            by_term.append(likeness.value)
            slope, curvature = weight * likeness.slope[..., None], weight * likeness.curvature[..., None, None]
            bend = torch.addcmul(slope[..., None] * bend, curvature * gradient[..., None], gradient[..., None, :])
            terms = [weight * likeness.value, slope * gradient, bend]
            total = terms if not total else [mine.add_(more) for mine, more in zip(total, terms, strict=True)]
        return Slopes(total[0], total[1], total[2], torch.stack(by_term, -1))
