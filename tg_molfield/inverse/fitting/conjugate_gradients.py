"""Symmetric positive systems solved roughly by preconditioned conjugate gradients (Hestenes and Stiefel 1952)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Vector = TypeVar("Vector", bound=Any)


def conjugate_gradients(
    normal: Callable[[Vector], Vector],
    precondition: Callable[[Vector], Vector],
    target: Vector,
    accuracy: float,
    max_steps: int,
) -> Vector:
    """The x for which ``normal(x)`` is near ``target``; all are vectors [P] of PyTorch, or all of NumPy.

    Args:
        normal: multiplies by the matrix of the system.
        precondition: multiplies by something like its inverse.
        target: the right-hand side.
        accuracy: stop where the residual, in the norm of ``precondition``, is this part of the target.
        max_steps: the most steps.
    """
    solution, rest = target * 0, target
    ready = precondition(rest)
    direction, size = ready, float(rest @ ready)
    goal = accuracy**2 * size
    for _ in range(max_steps):
        if size <= goal or size <= 0:
            break
        image = normal(direction)
        length = size / float(direction @ image)
        solution = solution + length * direction
        rest = rest - length * image
        ready = precondition(rest)
        last, size = size, float(rest @ ready)
        direction = ready + (size / last) * direction
    return solution
