"""Overlaps of pairs of sums of Gaussians in many poses of one side, with their derivatives by rigid motion."""

from __future__ import annotations

import copy
import math
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.compare.alignment.rigid_motion import motion_tables, products
from tg_molfield.compare.terms import Terms

_NUMBERS_AT_ONCE = 2**25
_LEAST = -80.0
"""The least exponent; exponentials of numbers that underflow take fifty times as long."""
_LIKE = 1.6
"""Rates that differ by less than this factor are taken as equal in second derivatives in single precision."""


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


class PairOverlap:
    """∫ f g over all channels for P pairs of functions, f moved to u = R x + t.

    With e = P exp(−a D) for two Gaussians at the squared distance D, ∂O = −Σ a e ∂D and
    ∂²O = Σ a² e ∂D ∂Dᵀ − Σ a e ∂²D.

    Args:
        mobile: f, P functions of N Gaussians.
        fixed: g, P functions of M Gaussians.
    """

    def __init__(self, mobile: Terms, fixed: Terms) -> None:
        total = mobile.variances[:, :, None] + fixed.variances[:, None]
        product = mobile.variances[:, :, None] * fixed.variances[:, None]
        ratio = 2 * math.pi * product / total
        heights = (mobile.weights @ fixed.weights.transpose(1, 2)) * ratio * ratio.sqrt()
        self._rates = (0.5 / total)[:, None]
        self._mean_rate = _mean_rate(self._rates, heights)
        self._heights = heights[:, None]
        self._points = mobile.pos.transpose(1, 2)
        self._products = products(fixed.pos)
        self._distance = _distance_rows(fixed.pos)
        self._repeated: tuple[Tensor, Tensor] | None = None

    @property
    def pairs(self) -> int:
        """Pairs of Gaussians in one pose of all pairs of functions."""
        return self._heights.numel()

    def part(self, index: Tensor | slice) -> PairOverlap:
        """Some of the pairs."""
        part = copy.copy(self)
        for name in ("_heights", "_rates", "_points", "_products", "_distance"):
            setattr(part, name, getattr(self, name)[index])
        part._repeated = None
        return part

    def value(self, rotation: Tensor, translation: Tensor) -> Tensor:
        """O [P, S] for rotations [P, S, 3, 3] and translations [P, S, 3]."""
        parts = self._groups(rotation, translation)
        return torch.cat([self._energies(self._moved(*part)).flatten(2).sum(2) for part in parts], 1)

    def derivatives(self, rotation: Tensor, translation: Tensor) -> Overlaps:
        """O and its derivatives."""
        parts = [self._derivatives(*part) for part in self._groups(rotation, translation)]
        return parts[0] if len(parts) == 1 else Overlaps(*(torch.cat(some, 1) for some in zip(*parts, strict=True)))

    def _groups(self, rotation: Tensor, translation: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The poses in groups that fit in memory."""
        count = max(1, _NUMBERS_AT_ONCE // max(1, self.pairs))
        return list(zip(rotation.split(count, 1), translation.split(count, 1), strict=True))

    def _derivatives(self, rotation: Tensor, translation: Tensor) -> Overlaps:
        mine = self._moved(rotation, translation)
        pairs, poses, _, size = mine.shape
        energies = self._energies(mine)
        value = energies.flatten(2).sum(2)
        mine = mine.view(pairs * poses, 10, size)
        others = self._for_poses(poses)[1]

        def moments(count: int) -> Tensor:
            inner = torch.bmm(energies.mul_(self._rates).view(pairs * poses, size, -1), others[..., :count])
            return torch.bmm(mine[:, :count], inner)

        tables = motion_tables(mine.dtype, mine.device)
        if self._mean_rate is None:
            first = moments(4).view(-1, 16)
            second = moments(10).view(-1, 100)
        else:
            second = moments(10)
            first = second[:, :4, :4].reshape(-1, 16)
            second = second.view(-1, 100) * self._mean_rate
        curvature = second @ tables.square - first @ tables.bend
        shape = (pairs, poses, 6)
        return Overlaps(value, -(first @ tables.slope).view(shape), curvature.view(*shape, 6))

    def _moved(self, rotation: Tensor, translation: Tensor) -> Tensor:
        """The products (1, u, u²) of the moved points [P, S, 10, N]."""
        pairs, poses = translation.shape[:2]
        moved = torch.bmm(rotation.reshape(pairs, poses * 3, 3), self._points).view(pairs, poses, 3, -1)
        found = moved.new_empty(pairs, poses, 10, moved.shape[3])
        found[:, :, 0] = 1
        torch.add(moved, translation[..., None], out=found[:, :, 1:4])
        torch.mul(found[:, :, 1:4], found[:, :, 1:2], out=found[:, :, 4:7])
        torch.mul(found[:, :, 2:4], found[:, :, 2:3], out=found[:, :, 7:9])
        torch.mul(found[:, :, 3], found[:, :, 3], out=found[:, :, 9])
        return found

    def _energies(self, moved: Tensor) -> Tensor:
        """P exp(−a D) [P, S, N, M]."""
        pairs, poses, _, size = moved.shape
        rows = moved.view(pairs * poses, 10, size).transpose(1, 2)
        distances = torch.bmm(rows, self._for_poses(poses)[0]).view(pairs, poses, size, -1)
        return distances.mul_(-self._rates).clamp_min_(_LEAST).exp_().mul_(self._heights)

    def _for_poses(self, poses: int) -> tuple[Tensor, Tensor]:
        """What belongs to the fixed side, once for each pose: distance rows [PS, 10, M] and products [PS, M, 10]."""
        if self._repeated is None or len(self._repeated[0]) != poses * len(self._distance):
            self._repeated = self._distance.repeat_interleave(poses, 0), self._products.repeat_interleave(poses, 0)
        return self._repeated


def _mean_rate(rates: Tensor, heights: Tensor) -> float | None:
    """The mean of ``a`` where it varies little; None where it does not, and in double precision."""
    weights = heights.abs()
    if rates.dtype == torch.float64 or not bool(weights.any()):
        return None
    used = rates[:, 0][weights > 0]
    if float(used.max()) > _LIKE * float(used.min()):
        return None
    return float((rates[:, 0] * weights).sum() / weights.sum())


def _distance_rows(y: Tensor) -> Tensor:
    """What products of u are multiplied by to give |u − y|² [P, 10, M]."""
    square, zero = y.square().sum(-1), torch.zeros_like(y[..., 0])
    one = torch.ones_like(zero)
    a, b, c = (-2 * y).unbind(-1)
    return torch.stack([square, a, b, c, one, zero, zero, one, zero, one], 1)
