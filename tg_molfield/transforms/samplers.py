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


@dataclass(frozen=True)
class UniformSampler(Sampler):
    """Points distributed uniformly in the bounding box of the atoms, extended by ``margin`` Å."""

    margin: float = 3.0

    def __post_init__(self) -> None:
        _require_not_negative("margin", self.margin)

    def __call__(self, pos: Tensor, num_queries: int, generator: torch.Generator | None = None) -> Tensor:
        low, high = pos.amin(0) - self.margin, pos.amax(0) + self.margin
        return low + (high - low) * _draw(torch.rand, (num_queries, 3), pos, generator)


@dataclass(frozen=True)
class NearAtomsSampler(Sampler):
    """Points normally distributed around random atoms, with standard deviation ``spread`` Å along each axis."""

    spread: float = 1.0

    def __post_init__(self) -> None:
        _require_not_negative("spread", self.spread)

    def __call__(self, pos: Tensor, num_queries: int, generator: torch.Generator | None = None) -> Tensor:
        chance = _draw(torch.rand, (num_queries,), pos, generator)
        chosen = (chance * len(pos)).long().clamp_max(len(pos) - 1)
        return pos[chosen] + self.spread * _draw(torch.randn, (num_queries, 3), pos, generator)


@dataclass(frozen=True)
class MixtureSampler(Sampler):
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

    def __call__(self, pos: Tensor, num_queries: int, generator: torch.Generator | None = None) -> Tensor:
        close = round(self.near * num_queries)
        near = NearAtomsSampler(self.spread)(pos, close, generator)
        return torch.cat([near, UniformSampler(self.margin)(pos, num_queries - close, generator)])


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
