"""The budget, the learning rate and the convergence of a gradient descent."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tg_molfield.arguments import check_counts, check_not_negative, check_number, check_positive, require_counts

WINDOW = 100
"""How many steps are averaged before the mean loss is compared with the best one so far."""

_STALLED = 2
_CUTS = 3
_CUT = 3.0
_DEFAULT_STEPS = 2000


@dataclass(frozen=True)
class Budget:
    """How long to descend, and how fast.

    The learning rate falls to 0 along a cosine over the budget of steps or seconds, whichever is spent first. It is
    also cut to a third whenever the loss has stalled: when two consecutive windows of 100 steps do not improve the best
    mean loss by ``tolerance`` (relative). The fit has converged when the loss stalls after three cuts.

    Args:
        max_steps: the most steps; 2,000 where neither steps nor seconds are given.
        max_seconds: the most seconds of wall time.
        lr: the first learning rate.
        points: nodes drawn from each volume in each step.
        tolerance: the relative gain below which the loss has stalled; with 0 the whole budget is spent.

    Raises:
        ValueError: a number is out of range.
    """

    max_steps: int | None = None
    max_seconds: float | None = None
    lr: float = 1e-3
    points: int = 4096
    tolerance: float = 1e-2

    def __post_init__(self) -> None:
        check_counts(0, max_steps=self.max_steps)
        require_counts(1, points=self.points)
        if self.max_seconds is not None:
            check_number("max_seconds", self.max_seconds)
            if not self.max_seconds >= 0:
                raise ValueError(f"max_seconds: expected at least 0, got {self.max_seconds}; leave it out or raise it")
        check_not_negative("tolerance", self.tolerance, "1e-2 is the default")
        check_positive("lr", self.lr, "1e-3 is the default")
        if self.max_steps is None and self.max_seconds is None:
            object.__setattr__(self, "max_steps", _DEFAULT_STEPS)

    def spent(self, steps: int, seconds: float) -> float:
        """The share of the budget spent, from 0 to 1."""
        if self.max_steps == 0 or self.max_seconds == 0:
            return 1.0
        by_steps = steps / self.max_steps if self.max_steps else 0.0
        by_seconds = seconds / self.max_seconds if self.max_seconds else 0.0
        return min(max(by_steps, by_seconds), 1.0)


class Plateau:
    """Detects when the loss has stalled; see `Budget`.

    Args:
        tolerance: the least relative gain.
        losses: the losses of the steps already made.
    """

    def __init__(self, tolerance: float, losses: list[float]) -> None:
        self._tolerance = tolerance
        self._window: list[float] = []
        self._best, self._stalled, self._cuts = math.inf, 0, 0
        self.converged = False
        for loss in losses:
            self.add(loss)

    @property
    def factor(self) -> float:
        """The factor on the learning rate."""
        return _CUT**-self._cuts

    def add(self, loss: float) -> None:
        """Add the loss of a step."""
        self._window.append(loss)
        if len(self._window) < WINDOW or not self._tolerance:
            return
        mean = math.fsum(self._window) / WINDOW
        self._window = []
        self._stalled = self._stalled + 1 if mean > (1 - self._tolerance) * self._best else 0
        self._best = min(self._best, mean)
        if self._stalled == _STALLED:
            self.converged = self._cuts == _CUTS
            self._cuts, self._stalled = min(self._cuts + 1, _CUTS), 0
