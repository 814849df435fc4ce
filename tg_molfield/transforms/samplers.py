"""Samplers of query points around the atoms of a molecule."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tg_molfield.arguments import check_number
from tg_molfield.fields import Grid


@dataclass(frozen=True)
class Sampler(ABC):
    """Draws query points around the atoms of one molecule; immutable."""

    has_fixed_points: ClassVar[bool] = False
    """Whether the points depend on the atoms alone, so that their number cannot be chosen."""

    @abstractmethod
    def __call__(self, pos: Tensor, num_queries: int, generator: torch.Generator | None = None) -> Tensor:
        """Query points [Q, 3] in Å.

        Args:
            pos: positions of the atoms [N, 3] in Å, N ≥ 1.
            num_queries: number of points to draw; ignored by samplers of fixed points.
            generator: random generator; by default torch's global one.
        """

    def of_batch(
        self, pos: Tensor, counts: Tensor, num_queries: int, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Query points [Q, 3] in Å around each of several molecules, and the molecule of each point [Q], sorted.

        They are not the points of single calls.

        Args:
            pos: positions of the atoms [N, 3] in Å, molecule by molecule.
            counts: atoms of each molecule [B], all ≥ 1.
            num_queries: number of points of each molecule; ignored by samplers of fixed points.
            generator: random generator; by default torch's global one.
        """
        points = [self(part, num_queries, generator) for part in pos.split(counts.tolist())]
        sizes = torch.tensor([len(part) for part in points], device=pos.device)
        return torch.cat(points), torch.arange(len(counts), device=pos.device).repeat_interleave(sizes)


class _FreeSampler(Sampler):
    """Draws as many points as asked for, of several molecules together."""

    def __call__(self, pos: Tensor, num_queries: int, generator: torch.Generator | None = None) -> Tensor:
        return self._drawn(pos, torch.tensor([len(pos)], device=pos.device), num_queries, generator)[0]

    def of_batch(
        self, pos: Tensor, counts: Tensor, num_queries: int, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        points = self._drawn(pos, counts, num_queries, generator)
        molecules = torch.arange(len(counts), device=pos.device).repeat_interleave(num_queries)
        return points.reshape(-1, 3), molecules

    @abstractmethod
    def _drawn(self, pos: Tensor, counts: Tensor, num_queries: int, generator: torch.Generator | None) -> Tensor:
        """Points [B, Q, 3]."""


@dataclass(frozen=True)
class UniformSampler(_FreeSampler):
    """Points distributed uniformly in the bounding box of the atoms, extended by ``margin`` Å."""

    margin: float = 3.0

    def __post_init__(self) -> None:
        _require_not_negative("margin", self.margin)

    def _drawn(self, pos: Tensor, counts: Tensor, num_queries: int, generator: torch.Generator | None) -> Tensor:
        low = torch.segment_reduce(pos, "min", lengths=counts, axis=0)[:, None] - self.margin
        high = torch.segment_reduce(pos, "max", lengths=counts, axis=0)[:, None] + self.margin
        return low + (high - low) * _draw(torch.rand, (len(counts), num_queries, 3), pos, generator)


@dataclass(frozen=True)
class NearAtomsSampler(_FreeSampler):
    """Points normally distributed around random atoms, with standard deviation ``spread`` Å along each axis."""

    spread: float = 1.0

    def __post_init__(self) -> None:
        _require_not_negative("spread", self.spread)

    def _drawn(self, pos: Tensor, counts: Tensor, num_queries: int, generator: torch.Generator | None) -> Tensor:
        chance = _draw(torch.rand, (len(counts), num_queries), pos, generator)
        among = counts[:, None]
        chosen = (chance * among).long().minimum(among - 1) + (counts.cumsum(0) - counts)[:, None]
        return pos[chosen] + self.spread * _draw(torch.randn, (len(counts), num_queries, 3), pos, generator)


@dataclass(frozen=True)
class MixtureSampler(_FreeSampler):
    """A fraction ``near`` of the points from `NearAtomsSampler`, the rest from `UniformSampler`.

    Raises:
        ValueError: ``near`` is no fraction, or a length is negative.
    """

    near: float = 0.5
    spread: float = 1.0
    margin: float = 3.0

    def __post_init__(self) -> None:
        check_number("near", self.near)
        if not 0 <= self.near <= 1:
            raise ValueError(f"near: expected a fraction between 0 and 1, got {self.near}; give for example 0.5")
        _require_not_negative("spread", self.spread)
        _require_not_negative("margin", self.margin)

    def _drawn(self, pos: Tensor, counts: Tensor, num_queries: int, generator: torch.Generator | None) -> Tensor:
        close = round(self.near * num_queries)
        near = NearAtomsSampler(self.spread)._drawn(pos, counts, close, generator)
        return torch.cat([near, UniformSampler(self.margin)._drawn(pos, counts, num_queries - close, generator)], 1)


@dataclass(frozen=True)
class GridSampler(Sampler):
    """The nodes of a regular grid around the atoms, the same at every call.

    Args:
        spacing: distance between neighbouring nodes in Å.
        margin: minimum distance from an atom to the border in Å.

    Raises:
        ValueError: ``spacing`` is not positive, or ``margin`` is negative.
    """

    has_fixed_points: ClassVar[bool] = True

    spacing: float = 0.5
    margin: float = 3.0

    def __post_init__(self) -> None:
        check_number("spacing", self.spacing)
        if not (math.isfinite(self.spacing) and self.spacing > 0):
            raise ValueError(
                f"spacing: expected a positive, finite number in Å, got {self.spacing}; give for example 0.5"
            )
        _require_not_negative("margin", self.margin)

    def __call__(self, pos: Tensor, num_queries: int, generator: torch.Generator | None = None) -> Tensor:
        return Grid.around(pos, self.spacing, self.margin).points(pos.dtype, pos.device)


def _draw(
    draw: Callable[..., Tensor], shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None
) -> Tensor:
    device = like.device if generator is None else generator.device
    return draw(shape, generator=generator, dtype=like.dtype, device=device).to(like.device)


def _require_not_negative(name: str, value: float) -> None:
    check_number(name, value)
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name}: expected a finite number of at least 0, in Å, got {value}; give for example 1.0")
