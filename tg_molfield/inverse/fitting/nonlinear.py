"""Widths and centres by Levenberg–Marquardt, with the weights projected out (Golub and Pereyra 1973)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.inverse.fitting.dense import solve_triangle, triangle, with_ridge
from tg_molfield.inverse.fitting.design import Basis
from tg_molfield.inverse.fitting.samples import Samples
from tg_molfield.inverse.solvers import GainRatio, damped_least_squares

_LARGEST_STEP = 1.0


@dataclass(frozen=True)
class KernelParameters:
    """The places and widths of the functions: ``centers`` [N, 3] and ``log_widths`` [N]."""

    centers: Tensor
    log_widths: Tensor

    def moved(self, step: Tensor, parts: tuple[str, ...]) -> KernelParameters:
        """The parameters after a step [P] in the order of `Basis.values_and_slopes`, limited to one width."""
        n, log_widths, centers = len(self.centers), self.log_widths, self.centers
        if "widths" in parts:
            log_widths = log_widths + step[:n].clamp(-_LARGEST_STEP, _LARGEST_STEP)
        if "centers" in parts:
            move = step[-3 * n :].view(3, n).T
            most = _LARGEST_STEP * self.log_widths.exp()[:, None]
            centers = centers + move * (most / move.norm(dim=1, keepdim=True).clamp_min(most))
        return KernelParameters(centers, log_widths)


@dataclass(frozen=True)
class State:
    """Parameters, weights [N, C], half the sum of squares, and the Gauss–Newton model around them."""

    shape: KernelParameters
    weights: Tensor
    cost: float
    curvature: Tensor
    descent: Tensor


def optimize_shape(
    samples: Samples, basis: Basis, shape: KernelParameters, fixed: Tensor | None, parts: tuple[str, ...],
    ridge: float, max_steps: int, tolerance: float,
) -> tuple[State, int, bool]:  # fmt: skip
    """The parameters that fit best, found from a given start.

    Args:
        samples: what to fit to.
        basis: the functions at the centres.
        shape: where to start.
        fixed: weights [N, C] to keep; None where they are free.
        parts: ``"widths"``, ``"centers"`` or both.
        ridge: added to the diagonal of the normal equations of the weights.
        max_steps: the most steps, rejected ones included.
        tolerance: stop where a step lowers the cost by less than this fraction of it.

    Returns:
        The state, the number of steps, and whether it stopped before ``max_steps``.
    """
    model = _projected(samples, basis, fixed, parts, ridge)

    def attempt(state: State, damping: float) -> tuple[State, float] | None:
        diagonal = state.curvature.diagonal().clamp_min(1e-12 * float(state.curvature.diagonal().max()) + 1e-300)
        system = state.curvature + torch.diag(damping * diagonal)
        move = torch.linalg.solve(system, state.descent)
        promised = 0.5 * float(move @ (damping * diagonal * move + state.descent))
        if promised <= tolerance * state.cost:
            return None
        return model(state.shape.moved(move, parts)), promised

    return damped_least_squares(model(shape), attempt, GainRatio(), max_steps)


def _projected(
    samples: Samples, basis: Basis, fixed: Tensor | None, parts: tuple[str, ...], ridge: float
) -> Callable[[KernelParameters], State]:
    target = samples.weighted()

    def model(shape: KernelParameters) -> State:
        n, widths = len(shape.centers), shape.log_widths.exp()
        linear = n if fixed is None else 0

        def rows(chunk: slice) -> Tensor:
            values, slopes = basis.values_and_slopes(samples.points[chunk], shape.centers, widths, parts)
            root = samples.root[chunk, None]
            if fixed is None:
                return torch.cat([values * root, slopes * root, target[chunk]], 1)
            return torch.cat([slopes * root, target[chunk] - (values * root) @ fixed], 1)

        copies = len(parts) + 2 * ("centers" in parts)
        columns = linear + copies * n
        factor = triangle(rows, len(target), columns + target.shape[1])
        if fixed is None:
            factor = with_ridge(factor, n, ridge)
            weights, _ = solve_triangle(factor[:n, :n], factor[:n, columns:])
            missed = float((factor[:n, columns:] - factor[:n, :n] @ weights).square().sum())
        else:
            weights, missed = fixed, 0.0
        slopes, rest = factor[linear:, linear:columns], factor[linear:, columns:]
        by_parameter = weights.repeat(copies, 1)
        curvature = (slopes.mT @ slopes) * (by_parameter @ by_parameter.mT)
        descent = (by_parameter * (slopes.mT @ rest)).sum(1)
        return State(shape, weights, 0.5 * (missed + float(rest.square().sum())), curvature, descent)

    return model
