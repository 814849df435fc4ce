"""Interpolation between the nodes of a grid: trilinear and cubic B-spline, exact at the nodes."""

from __future__ import annotations

import torch
from torch import Tensor


def spline_coefficients(values: Tensor) -> Tensor:
    """B-spline coefficients whose cubic spline passes through ``values`` [C, nx, ny, nz], mirrored at the ends.

    Source: Unser, "Splines: a perfect fit for signal and image processing" (1999).
    """
    for axis in range(1, 4):
        n = values.shape[axis]
        if n > 1:
            system = _collocation(n).to(values)
            values = (
                torch.linalg.solve(system, values.movedim(axis, 0).reshape(n, -1))
                .reshape(n, *values.movedim(axis, 0).shape[1:])
                .movedim(0, axis)
            )
    return values


def linear(values: Tensor, fractional: Tensor) -> Tensor:
    """Trilinear interpolation of ``values`` [C, nx, ny, nz] at coordinates in steps [Q, 3]; [Q, C]."""
    low, offset = _cell(values, fractional)
    return _gather(values, low, [torch.stack([1 - t, t], -1) for t in offset.unbind(-1)], first=0)


def cubic(coefficients: Tensor, fractional: Tensor) -> Tensor:
    """The cubic spline of ``coefficients`` [C, nx, ny, nz] at coordinates in steps [Q, 3]; [Q, C]."""
    low, offset = _cell(coefficients, fractional)
    return _gather(coefficients, low, [_b_spline(t) for t in offset.unbind(-1)], first=-1)


def _collocation(n: int) -> Tensor:
    system = torch.eye(n, dtype=torch.float64) * (4 / 6)
    inner = torch.arange(n - 1)
    system[inner, inner + 1] = system[inner + 1, inner] = 1 / 6
    system[0, 1] = system[n - 1, n - 2] = 2 / 6
    return system


def _b_spline(t: Tensor) -> Tensor:
    return torch.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], dim=-1
    ) / 6  # fmt: skip


def _cell(values: Tensor, fractional: Tensor) -> tuple[Tensor, Tensor]:
    last = torch.tensor(values.shape[1:], device=values.device)
    low = torch.minimum(fractional.detach().floor().long(), last - 2).clamp_min(0)
    return low, fractional - low


def _gather(values: Tensor, low: Tensor, factors: list[Tensor], first: int) -> Tensor:
    shape = values.shape[1:]
    flat = values.reshape(len(values), -1)
    total = flat.new_zeros(len(low), len(values))
    width = factors[0].shape[-1]
    places = [[_mirror(low[:, axis] + first + step, shape[axis]) for step in range(width)] for axis in range(3)]
    for i in range(width):
        for j in range(width):
            row = (places[0][i] * shape[1] + places[1][j]) * shape[2]
            partial = factors[0][:, i] * factors[1][:, j]
            for k in range(width):
                weight = (partial * factors[2][:, k])[:, None]
                total = total + weight * flat[:, row + places[2][k]].T
    return total


def _mirror(index: Tensor, n: int) -> Tensor:
    if n == 1:
        return torch.zeros_like(index)
    index = index.abs()
    return torch.where(index > n - 1, 2 * (n - 1) - index, index)
