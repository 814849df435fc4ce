"""Pairs of functions with points of similar numbers, evaluated in many poses of one side."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import torch
from torch import Tensor

from tg_molfield.compare.alignment.pair_tables import Tables
from tg_molfield.compare.alignment.rigid_motion import motion_maps, products

NUMBERS_AT_ONCE, NUMBERS_ON_DEVICE = 2**17, 2**25
"""Squared distances that are held at once: what a processor's second cache holds, and what a card does."""

POINTS_AT_ONCE, POINTS_ON_DEVICE = 2**21, 2**23
"""Moved points that are held at once."""


class PairGroup:
    """∫ f g over all channels for P pairs of functions, f moved to u = R x + t.

    Args:
        rows: which pairs of a larger set these are [P].
        mobile: the points of f [P, N, 3].
        fixed: the points of g [P, M, 3].
        tables: what two points share.
    """

    def __init__(self, rows: Tensor, mobile: Tensor, fixed: Tensor, tables: Tables) -> None:
        self.rows, self._tables = rows, tables
        self._points = mobile.transpose(1, 2).contiguous()
        self._products, self._distance = products(fixed), _distance_rows(fixed)
        if tables.scale is not None:
            self._products, self._distance = self._products * tables.scale, self._distance * tables.scale

    def part(self, index: Tensor | slice, rows: Tensor) -> PairGroup:
        """Some of the pairs, by other numbers."""
        part = object.__new__(PairGroup)
        part.rows, part._tables, part._points = rows, self._tables.part(index), self._points[index]
        part._products, part._distance = self._products[index], self._distance[index]
        return part

    def value(self, rotation: Tensor, translation: Tensor) -> Tensor:
        """O [P, S] for rotations [P, S, 3, 3] and translations [P, S, 3]."""
        parts = [
            tables.values(distances)
            for group, *pose in self._pieces(rotation, translation)
            for distances, tables, *_ in group._steps(_moved(group._points, *pose))
        ]
        return torch.cat(parts)

    def derivatives(self, rotation: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
        """O [P, S], and in one row ∂O and ∂²O by the six parameters of the motion [P, S, 42]."""
        parts = [group._derivatives(*pose) for group, *pose in self._pieces(rotation, translation)]
        value, slopes = (torch.cat(some) for some in zip(*parts, strict=True)) if len(parts) > 1 else parts[0]
        return value, slopes

    def _pieces(self, rotation: Tensor, translation: Tensor) -> Iterator[tuple[PairGroup, Tensor, Tensor]]:
        """The group in parts of as many moved points as are held at once, with their poses."""
        limit = POINTS_AT_ONCE if rotation.device.type == "cpu" else POINTS_ON_DEVICE
        step = max(1, limit // max(1, translation.shape[1] * self._points.shape[2]))
        for first in range(0, len(translation), step):
            rows = slice(first, first + step)
            group = self if step >= len(translation) else self.part(rows, self.rows[rows])
            yield group, rotation[rows], translation[rows]

    def _derivatives(self, rotation: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
        pairs, poses = translation.shape[:2]
        moved = _moved(self._points, rotation, translation)
        mine = moved.transpose(1, 2).flatten(0, 1)
        rates = self._tables.rates
        slope = mine.new_empty(len(mine), 10, 10)
        curvature = slope.new_empty(slope.shape if rates is None else 0)
        values: list[Tensor] = []
        for distances, tables, others, rows in self._steps(moved):
            found = tables.energies(distances)
            values.append(found.value)
            _moments(mine[rows], others, found.slope, slope[rows])
            if found.curvature is not None:
                _moments(mine[rows], others, found.curvature, curvature[rows])
        maps = motion_maps(mine.dtype, mine.device)
        derivatives = slope.view(-1, 100) @ maps[:, :42]
        if rates is not None:
            curvature = slope.view(pairs, -1).mul_(-rates[:, None])
        derivatives[:, 6:].addmm_(curvature.view(-1, 100), maps[:, 42:])
        return torch.cat(values), derivatives.view(pairs, poses, 42)

    def _steps(self, moved: Tensor) -> Iterator[tuple[Tensor, Tables, Tensor, slice]]:
        """As many pairs as are evaluated at once, after each other.

        Yields:
            Squared distances [p, S, N M], scaled if the tables say so, which the next overwrite, tables and products of
            these pairs, and their rows among all pairs and poses.
        """
        poses, others = moved.shape[2], self._products.shape[1]
        points = moved.flatten(2).transpose(1, 2)
        limit = NUMBERS_AT_ONCE if moved.device.type == "cpu" else NUMBERS_ON_DEVICE
        step = max(1, limit // (points.shape[1] * others))
        buffer = _buffer(min(step, len(moved)) * points.shape[1] * others, moved)
        sides = [one.split(step) for one in (points, self._distance, self._products)]
        first = 0
        for mine, rows, theirs, tables in zip(*sides, self._tables.split(step), strict=True):
            table = buffer[: len(mine) * points.shape[1] * others].view(len(mine), -1, others)
            torch.bmm(mine, rows, out=table)
            last = first + poses * len(mine)
            yield table.view(len(mine), poses, -1), tables, theirs, slice(first, last)
            first = last


def _moved(points: Tensor, rotation: Tensor, translation: Tensor) -> Tensor:
    """The products (1, u, u²) of the moved points [P, 10, S, N]."""
    count, poses = translation.shape[:2]
    turned = torch.bmm(rotation.transpose(1, 2).reshape(count, 3 * poses, 3), points)
    found = points.new_empty(count, 10, poses, points.shape[2])
    found[:, 0] = 1
    torch.add(turned.view(count, 3, poses, -1), translation.transpose(1, 2)[..., None], out=found[:, 1:4])
    torch.mul(found[:, 1:4], found[:, 1:2], out=found[:, 4:7])
    torch.mul(found[:, 2:4], found[:, 2:3], out=found[:, 7:9])
    torch.mul(found[:, 3], found[:, 3], out=found[:, 9])
    return found


def _moments(mine: Tensor, others: Tensor, weights: Tensor, result: Tensor) -> None:
    """Σ_ij w_ij q(u_i) q(y_j)ᵀ [P S, 10, 10] from [P S, 10, N], [P, M, 10] and [P, S, N M]."""
    table = torch.bmm(weights.view(len(others), -1, others.shape[1]), others)
    torch.bmm(mine, table.view(len(mine), -1, 10), out=result)


def _distance_rows(y: Tensor) -> Tensor:
    """What products of u are multiplied by to give |u − y|² [P, 10, M]."""
    square, zero = y.square().sum(-1), torch.zeros_like(y[..., 0])
    one = torch.ones_like(zero)
    a, b, c = (-2 * y).unbind(-1)
    return torch.stack([square, a, b, c, one, zero, zero, one, zero, one], 1)


class _Buffers(threading.local):
    """Memory that a processor's cache holds, used again instead of asking the system for fresh pages."""

    def __init__(self) -> None:
        self.by_dtype: dict[torch.dtype, Tensor] = {}


_BUFFERS = _Buffers()


def _buffer(size: int, like: Tensor) -> Tensor:
    """Room for ``size`` numbers, valid until the next call from the same thread."""
    if like.device.type != "cpu" or size > NUMBERS_AT_ONCE:
        return like.new_empty(size)
    buffer = _BUFFERS.by_dtype.get(like.dtype)
    if buffer is None:
        with torch.inference_mode(False):
            buffer = _BUFFERS.by_dtype[like.dtype] = torch.empty(NUMBERS_AT_ONCE, dtype=like.dtype, device="cpu")
    return buffer[:size]
