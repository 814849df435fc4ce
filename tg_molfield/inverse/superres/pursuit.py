"""The Gaussians behind the samples of one channel: guesses from maxima, refinement, revision by the residual."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from tg_molfield.inverse.lattice import Lattice
from tg_molfield.inverse.superres.mixture import Mixture, Prior, refine, residual
from tg_molfield.inverse.superres.sharpen import PoissonSharpener

EXPLAINED = 1e-4
"""The relative residual at which a search ends."""

START = 0.4
"""The smallest height of a maximum that starts a function, in units of one function."""
FINER_START = 0.55
"""The same where the field is estimated on a finer lattice."""
ADDED = 0.3
"""The same for maxima of the residual after an iteration."""
DROPPED = 0.3
"""The weight below which a function is dropped, in units."""
SPLIT = 1.6
"""The weight above which it becomes two."""
JITTER = 0.3
"""The displacement of initial guesses, in widths."""
PREFERENCE = 5e-4
"""The strength of the preference for weights of one unit."""

_APART = 0.6
_NUDGE = 0.3
_LEAST_GAIN = 0.05


@dataclass(frozen=True)
class Search:
    """What a pursuit found.

    Attributes:
        mixture: the functions.
        relative_residual: ‖samples − mixture‖ / ‖samples‖ over the samples fitted.
        converged: whether it ended because it gained no more, before ``max_iter``.
        iterations: of refinement and revision.
    """

    mixture: Mixture
    relative_residual: float
    converged: bool
    iterations: int


class Pursuit:
    """Searches for the Gaussians of one channel; the same lattice can be searched many times.

    Args:
        lattice: the samples, not all zero.
        width: of the Gaussians in Å.
        seen: which samples are fitted [nx, ny, nz], the others being estimates; all if not given.
    """

    def __init__(self, lattice: Lattice, width: float, seen: Tensor | None = None) -> None:
        self._lattice, self._width, self._seen = lattice, width, seen
        self._sharpener = PoissonSharpener(lattice, width)
        self._places, self._heights = self._sharpener.peaks(lattice.values)
        self._size = self._norm(lattice.values)

    def search(self, unit: float, seed: int, max_iter: int = 8, start: Mixture | None = None) -> Search:
        """A mixture whose weights are close to ``unit``.

        Args:
            unit: what a function weighs.
            seed: of the displacements of the start.
            max_iter: the most iterations of refinement and revision.
            start: where to begin; at displaced maxima if not given.
        """
        chance = torch.Generator().manual_seed(seed)
        mixture, last = self._start(unit, chance) if start is None else start, math.inf
        best: Search | None = None
        for iteration in range(max_iter):
            mixture = refine(self._lattice, mixture, self._width, Prior(unit, PREFERENCE), seen=self._seen)
            rest = residual(self._lattice, mixture, self._width)
            error = self._norm(rest) / self._size
            ended = error < EXPLAINED or (iteration > 2 and error > (1 - _LEAST_GAIN) * last)
            if best is None or error < best.relative_residual:
                best = Search(mixture, error, ended, iteration + 1)
            best = replace(best, converged=ended, iterations=iteration + 1)
            if ended or iteration == max_iter - 1:
                break
            last = error
            mixture = self._revised(mixture, rest, unit, chance)
        assert best is not None
        return best

    def _start(self, unit: float, chance: torch.Generator) -> Mixture:
        high = self._heights > START * unit
        maxima = Mixture(self._places[high], self._heights[high].clamp_max(3 * unit))
        return self._jittered(maxima, JITTER, chance)

    def _norm(self, values: Tensor) -> float:
        return float(values.norm() if self._seen is None else (values * self._seen).norm())

    def _revised(self, mixture: Mixture, rest: Tensor, unit: float, chance: torch.Generator) -> Mixture:
        """Without light functions, with two in place of a heavy one, and more at maxima of the residual."""
        pos, weights = mixture.pos, mixture.weights
        kept, heavy = weights > DROPPED * unit, weights > SPLIT * unit
        away = torch.randn(int(heavy.sum()), 3, generator=chance, dtype=pos.dtype)
        away = _NUDGE * self._width * torch.nn.functional.normalize(away, dim=1)
        halves = weights[heavy] / 2
        moved, lighter = pos.clone(), weights.clone()
        moved[heavy], lighter[heavy] = pos[heavy] - away, halves
        places, heights = self._sharpener.peaks(rest)
        places = places[_thinned(places[heights > ADDED * unit], _APART * self._width)]
        added = self._jittered(Mixture(places, torch.full_like(places[:, 0], 0.5 * unit)), 0.5 * JITTER, chance)
        return Mixture(
            torch.cat([moved[kept], pos[heavy] + away, added.pos]), torch.cat([lighter[kept], halves, added.weights])
        )

    def _jittered(self, mixture: Mixture, jitter: float, chance: torch.Generator) -> Mixture:
        shift = torch.randn(mixture.pos.shape, generator=chance, dtype=mixture.pos.dtype)
        return Mixture(mixture.pos + jitter * self._width * shift, mixture.weights)


def start_from_finer(finer: Lattice, width: float, unit: float) -> Mixture:
    """A start for `Pursuit.search` from an estimate of the field on a finer lattice, at the maxima of its density."""
    places, heights = PoissonSharpener(finer, width).peaks(finer.values)
    high = heights > FINER_START * unit
    return Mixture(places[high], heights[high].clamp_max(3 * unit))


def _thinned(places: Tensor, apart: float) -> list[int]:
    """The indices of the places that remain when those closer than ``apart`` to an earlier one are dropped."""
    dropped: set[int] = set()
    pairs = cKDTree(places.numpy()).query_pairs(apart) if len(places) else set()
    for first, second in sorted(pairs):
        if first not in dropped:
            dropped.add(second)
    return [i for i in range(len(places)) if i not in dropped]
