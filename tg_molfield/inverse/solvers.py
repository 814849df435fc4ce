"""Iterative solvers: conjugate gradients for linear systems, damped Gauss–Newton steps for nonlinear least squares."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

Vector = TypeVar("Vector", bound=Any)


class HasCost(Protocol):
    """Anything with a ``cost`` to be lowered."""

    @property
    def cost(self) -> float: ...


StateT = TypeVar("StateT", bound=HasCost)


def conjugate_gradients(
    normal: Callable[[Vector], Vector],
    precondition: Callable[[Vector], Vector],
    target: Vector,
    accuracy: float,
    max_steps: int,
    dot: Callable[[Vector, Vector], Any] = lambda a, b: a @ b,
    plain_norm: bool = False,
) -> Vector:
    """The x for which ``normal(x)`` is near ``target``, by preconditioned conjugate gradients.

    Args:
        normal: multiplies by the matrix of the system, which is symmetric and positive.
        precondition: multiplies by something like its inverse.
        target: the right-hand side.
        accuracy: stop where the residual is this fraction of the target.
        max_steps: the most steps.
        dot: the inner product of two vectors.
        plain_norm: measure the residual by ``dot`` itself and not in the norm of ``precondition``.

    Source: Hestenes and Stiefel, J. Res. NBS 49 (1952) 409.
    """
    solution, rest = target * 0, target
    ready = precondition(rest)
    direction, size = ready, float(dot(rest, ready))
    goal = accuracy**2 * (float(dot(rest, rest)) if plain_norm else size)
    for _ in range(max_steps):
        if size <= 0 or (float(dot(rest, rest)) if plain_norm else size) <= goal:
            break
        image = normal(direction)
        length = size / float(dot(direction, image))
        solution = solution + length * direction
        rest = rest - length * image
        ready = precondition(rest)
        last, size = size, float(dot(rest, ready))
        direction = ready + (size / last) * direction
    return solution


def least_squares_conjugate_gradients(
    multiply: Callable[[Any], Any],
    transposed: Callable[[Any], Any],
    target: Any,
    ridge: float,
    accuracy: float,
    max_steps: int,
    precondition: Callable[[Any, bool], Any],
) -> tuple[Any, int]:
    """The least-squares solutions [N, C] of A x = ``target`` [Q, C] for all columns at once, and the steps (CGLS).

    Unlike `conjugate_gradients` on AᵀA it follows the residual of the samples, which keeps the digits that squaring the
    condition number would lose.

    Args:
        multiply: A x.
        transposed: Aᵀ y.
        target: the right-hand sides, NumPy.
        ridge: added to the diagonal of AᵀA.
        accuracy: stop where the gradient is this fraction of the first one, in every column.
        max_steps: the most steps.
        precondition: divides by a factor L of L Lᵀ ≈ AᵀA, or by Lᵀ where the second argument is true.

    Source: Hestenes and Stiefel, J. Res. NBS 49 (1952) 409.
    """
    gradient = precondition(transposed(target), False)
    solution, residual, direction = np.zeros_like(gradient), target.copy(), gradient.copy()
    size = np.square(gradient).sum(0)
    goal = accuracy**2 * size
    for step in range(max_steps):
        if (size <= goal).all():
            return solution, step
        move = precondition(direction, True)
        image = multiply(move)
        slope = np.square(image).sum(0) + ridge * np.square(move).sum(0)
        length = np.divide(size, slope, out=np.zeros_like(size), where=(size > goal) & (slope > 0))
        solution += length * move
        residual -= length * image
        gradient = precondition(transposed(residual) - ridge * solution, False)
        last, size = size, np.square(gradient).sum(0)
        direction = gradient + np.divide(size, last, out=np.zeros_like(size), where=last > 0) * direction
    return solution, max_steps


class Damping(Protocol):
    """How much steps are damped, and what accepted and rejected ones do to that."""

    value: float

    def accept(self, gain: float) -> None:
        """A step lowered the cost by ``gain`` times what its model promised."""

    def reject(self) -> bool:
        """A step did not lower the cost; whether a shorter one is worth trying."""


@dataclass
class ConstantFactors:
    """Damping that falls and rises by constant factors."""

    value: float
    down: float
    up: float = 10.0
    smallest: float = 1e-9
    largest: float = math.inf

    def accept(self, gain: float) -> None:
        self.value = max(self.value / self.down, self.smallest)

    def reject(self) -> bool:
        self.value *= self.up
        return self.value <= self.largest


@dataclass
class GainRatio:
    """Damping by how good the model was (Nielsen, IMM-REP-1999-05)."""

    value: float = 1e-3
    smallest: float = 1e-12
    largest: float = 1e12
    growth: float = 2.0

    def accept(self, gain: float) -> None:
        self.value = max(self.value * max(1 / 3, 1 - (2 * gain - 1) ** 3), self.smallest)
        self.growth = 2.0

    def reject(self) -> bool:
        self.value *= self.growth
        self.growth *= 2
        return self.value <= self.largest


def damped_least_squares(
    state: StateT,
    attempt: Callable[[StateT, float], tuple[StateT, float] | None],
    damping: Damping,
    max_steps: int,
    is_settled: Callable[[StateT, StateT], bool] = lambda before, after: False,
) -> tuple[StateT, int, bool]:
    """Lower the cost of a state by damped Gauss–Newton steps (Levenberg 1944, Marquardt 1963).

    Args:
        state: where to start.
        attempt: the state after a step with a given damping and by how much its linear model promises to lower the
            cost; None where that is too little to go on.
        damping: its value, and how it changes.
        max_steps: the most steps, rejected ones included.
        is_settled: whether to stop after an accepted step from one state to the next.

    Returns:
        The state, the number of steps, and whether they ended before ``max_steps``.
    """
    for step in range(max_steps):
        attempted = attempt(state, damping.value)
        if attempted is None:
            return state, step, True
        trial, promised = attempted
        if trial.cost <= state.cost:
            damping.accept((state.cost - trial.cost) / promised)
            before, state = state, trial
            if is_settled(before, state):
                return state, step + 1, True
        elif not damping.reject():
            return state, step + 1, True
    return state, max_steps, False
