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
from tg_molfield.chem.checked_numbers import numbers_are_checked
from tg_molfield.fields import Grid
from tg_molfield.random_draws import normal, uniform


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
        return _joined([self(part, num_queries, generator) for part in pos.split(counts.tolist())])

    def of_seeds(self, pos: Tensor, counts: Tensor, num_queries: int, seeds: Tensor) -> tuple[Tensor, Tensor]:
        """The same as functions of a seed for each molecule: other molecules do not matter.

        Args:
            pos: positions of the atoms [N, 3] in Å, molecule by molecule.
            counts: atoms of each molecule [B], all ≥ 1.
            num_queries: number of points of each molecule; ignored by samplers of fixed points.
            seeds: [B] int64.
        """
        parts = zip(pos.split(counts.tolist()), seeds.tolist(), strict=True)
        return _joined([self(part, num_queries, torch.Generator().manual_seed(seed)) for part, seed in parts])


_Draws = Callable[[str, int, Tensor], Tensor]
"""Numbers [B, count] of the floating type and device of a tensor; the name begins with "uniform" or "normal"."""


class _FreeSampler(Sampler):
    """Draws as many points as asked for, of several molecules together."""

    def __call__(self, pos: Tensor, num_queries: int, generator: torch.Generator | None = None) -> Tensor:
        return self.of_batch(pos, torch.full((1,), len(pos), device=pos.device), num_queries, generator)[0]

    def of_batch(
        self, pos: Tensor, counts: Tensor, num_queries: int, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        def draws(name: str, count: int, like: Tensor) -> Tensor:
            draw = torch.rand if name.startswith("uniform") else torch.randn
            device = like.device if generator is None else generator.device
            return draw((len(counts), count), generator=generator, dtype=like.dtype, device=device).to(like.device)

        return self._flat(pos, counts, num_queries, draws)

    def of_seeds(self, pos: Tensor, counts: Tensor, num_queries: int, seeds: Tensor) -> tuple[Tensor, Tensor]:
        def draws(name: str, count: int, like: Tensor) -> Tensor:
            draw = uniform if name.startswith("uniform") else normal
            return draw(seeds.to(like.device), count, name).to(like.dtype)

        return self._flat(pos, counts, num_queries, draws)

    def _flat(self, pos: Tensor, counts: Tensor, num_queries: int, draws: _Draws) -> tuple[Tensor, Tensor]:
        """Draws in float32 or finer: a random number of 16 bits tells a few hundred atoms apart."""
        computed = pos.to(torch.promote_types(pos.dtype, torch.float32))
        points = self._drawn(computed, counts, num_queries, draws).to(pos.dtype)
        molecules = torch.arange(len(counts), device=pos.device).repeat_interleave(num_queries)
        return points.reshape(-1, 3), molecules

    @abstractmethod
    def _drawn(self, pos: Tensor, counts: Tensor, num_queries: int, draws: _Draws) -> Tensor:
        """Points [B, Q, 3]."""


@dataclass(frozen=True)
class UniformSampler(_FreeSampler):
    """Points distributed uniformly in the bounding box of the atoms, extended by ``margin`` Å."""

    margin: float = 3.0

    def __post_init__(self) -> None:
        _require_not_negative("margin", self.margin)

    def _drawn(self, pos: Tensor, counts: Tensor, num_queries: int, draws: _Draws) -> Tensor:
        trusted = not numbers_are_checked(counts)
        low = torch.segment_reduce(pos, "min", lengths=counts, axis=0, unsafe=trusted)[:, None] - self.margin
        high = torch.segment_reduce(pos, "max", lengths=counts, axis=0, unsafe=trusted)[:, None] + self.margin
        return low + (high - low) * draws("uniform in the box", 3 * num_queries, pos).view(len(counts), num_queries, 3)


@dataclass(frozen=True)
class NearAtomsSampler(_FreeSampler):
    """Points normally distributed around random atoms, with standard deviation ``spread`` Å along each axis."""

    spread: float = 1.0

    def __post_init__(self) -> None:
        _require_not_negative("spread", self.spread)

    def _drawn(self, pos: Tensor, counts: Tensor, num_queries: int, draws: _Draws) -> Tensor:
        chance = draws("uniform over atoms", num_queries, pos)
        among = counts[:, None]
        chosen = (chance * among).long().minimum(among - 1) + (counts.cumsum(0) - counts)[:, None]
        return pos[chosen] + self.spread * draws("normal around atoms", 3 * num_queries, pos).view(
            len(counts), num_queries, 3
        )


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

    def _drawn(self, pos: Tensor, counts: Tensor, num_queries: int, draws: _Draws) -> Tensor:
        close = round(self.near * num_queries)
        near = NearAtomsSampler(self.spread)._drawn(pos, counts, close, draws)
        return torch.cat([near, UniformSampler(self.margin)._drawn(pos, counts, num_queries - close, draws)], 1)


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


def _joined(points: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The points of all molecules [Q, 3], and the molecule of each [Q]."""
    device = points[0].device
    sizes = torch.tensor([len(part) for part in points], device=device)
    return torch.cat(points), torch.arange(len(points), device=device).repeat_interleave(sizes)


def _require_not_negative(name: str, value: float) -> None:
    check_number(name, value)
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name}: expected a finite number of at least 0, in Å, got {value}; give for example 1.0")
