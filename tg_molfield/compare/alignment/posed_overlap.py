"""Overlaps of pairs of functions in many poses of one side, with their derivatives by rigid motion."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from typing_extensions import Self

from tg_molfield.compare.alignment.rigid_motion import motion_tables, products

LEAST = -80.0
"""The least exponent; exponentials of numbers that underflow take fifty times as long."""

_NUMBERS_AT_ONCE = 2**25


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


class Energies(NamedTuple):
    """Sums over the Gaussians of two points of e = P exp(−a D), D their squared distance.

    Attributes:
        zeroth: Σ e [P, S, N, M].
        first: Σ a e.
        second: Σ a² e; None where it is ``rates`` times the first.
        rates: a [P], or None.
    """

    zeroth: Tensor
    first: Tensor
    second: Tensor | None
    rates: Tensor | None


class PosedOverlap(ABC):
    """∫ f g over all channels for P pairs of functions, f moved to u = R x + t.

    ∂O = −Σ a e ∂D and ∂²O = Σ a² e ∂D ∂Dᵀ − Σ a e ∂²D, summed over pairs of points.

    Args:
        mobile: the points of f [P, N, 3].
        fixed: the points of g [P, M, 3].
    """

    by_pair: ClassVar[tuple[str, ...]]
    """The attributes that hold a row for each pair."""

    def __init__(self, mobile: Tensor, fixed: Tensor) -> None:
        self._points = mobile.transpose(1, 2)
        self._products = products(fixed)
        self._distance = _distance_rows(fixed)
        self._repeated: tuple[Tensor, Tensor] | None = None

    @property
    def pairs(self) -> int:
        """Pairs of points in one pose of all pairs of functions."""
        return self._points.shape[0] * self._points.shape[2] * self._products.shape[1]

    @abstractmethod
    def energies(self, distances: Tensor) -> Energies:
        """What two points at the squared distances [P, S, N, M] share; may overwrite them."""

    @abstractmethod
    def values(self, distances: Tensor) -> Tensor:
        """Σ e alone."""

    def part(self, index: Tensor | slice) -> Self:
        """Some of the pairs."""
        part = copy.copy(self)
        for name in ("_points", "_products", "_distance", *self.by_pair):
            value = getattr(self, name)
            setattr(part, name, None if value is None else value[index])
        part._repeated = None
        return part

    def value(self, rotation: Tensor, translation: Tensor) -> Tensor:
        """O [P, S] for rotations [P, S, 3, 3] and translations [P, S, 3]."""
        parts = self._groups(rotation, translation)
        found = [self.values(self._distances(self._moved(*part))).flatten(2).sum(2) for part in parts]
        return torch.cat(found, 1)

    def derivatives(self, rotation: Tensor, translation: Tensor) -> Overlaps:
        """O and its derivatives."""
        parts = [self._derivatives(*part) for part in self._groups(rotation, translation)]
        return parts[0] if len(parts) == 1 else Overlaps(*(torch.cat(some, 1) for some in zip(*parts, strict=True)))

    def _groups(self, rotation: Tensor, translation: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The poses in groups that fit in memory."""
        count = max(1, _NUMBERS_AT_ONCE // max(1, self.pairs))
        return list(zip(rotation.split(count, 1), translation.split(count, 1), strict=True))

    def _derivatives(self, rotation: Tensor, translation: Tensor) -> Overlaps:
        moved = self._moved(rotation, translation)
        pairs, poses, _, size = moved.shape
        found = self.energies(self._distances(moved))
        mine, others = moved.view(pairs * poses, 10, size), self._for_poses(poses)[1]

        def moments(weights: Tensor, count: int) -> Tensor:
            inner = torch.bmm(weights.view(pairs * poses, size, -1), others[..., :count])
            return torch.bmm(mine[:, :count], inner)

        tables = motion_tables(mine.dtype, mine.device)
        if found.second is not None:
            first = moments(found.first, 4).view(-1, 16)
            second = moments(found.second, 10).view(-1, 100)
        else:
            assert found.rates is not None
            all_moments = moments(found.first, 10)
            first = all_moments[:, :4, :4].reshape(-1, 16)
            second = all_moments.view(-1, 100) * found.rates.repeat_interleave(poses)[:, None]
        curvature = second @ tables.square - first @ tables.bend
        shape = (pairs, poses, 6)
        value = found.zeroth.flatten(2).sum(2)
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

    def _distances(self, moved: Tensor) -> Tensor:
        """D [P, S, N, M]."""
        pairs, poses, _, size = moved.shape
        rows = moved.view(pairs * poses, 10, size).transpose(1, 2)
        return torch.bmm(rows, self._for_poses(poses)[0]).view(pairs, poses, size, -1)

    def _for_poses(self, poses: int) -> tuple[Tensor, Tensor]:
        """What belongs to the fixed side, once for each pose: distance rows [PS, 10, M] and products [PS, M, 10]."""
        if self._repeated is None or len(self._repeated[0]) != poses * len(self._distance):
            self._repeated = self._distance.repeat_interleave(poses, 0), self._products.repeat_interleave(poses, 0)
        return self._repeated


def _distance_rows(y: Tensor) -> Tensor:
    """What products of u are multiplied by to give |u − y|² [P, 10, M]."""
    square, zero = y.square().sum(-1), torch.zeros_like(y[..., 0])
    one = torch.ones_like(zero)
    a, b, c = (-2 * y).unbind(-1)
    return torch.stack([square, a, b, c, one, zero, zero, one, zero, one], 1)
