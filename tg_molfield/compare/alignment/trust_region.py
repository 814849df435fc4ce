"""The step that maximises a quadratic model within a radius, for many small models at once."""

from __future__ import annotations

import torch
from torch import Tensor

_ROUNDS = 4


def best_step(gradient: Tensor, curvature: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """The steps p [P, 6] that maximise g·p + p·H p/2 within |p| ≤ radius, and what the model gains [P].

    Newton's step is taken where it is a maximum and short enough. Elsewhere the length is found from the eigenvalues
    of H (Moré and Sorensen 1983); where g hardly sees a direction in which H ascends, as at a saddle, the step goes
    along it to the radius.

    Args:
        gradient: g [P, 6].
        curvature: H [P, 6, 6], symmetric.
        radius: [P].
    """
    factor, info = torch.linalg.cholesky_ex(-curvature)
    step = torch.cholesky_solve(gradient[..., None], factor)[..., 0]
    far = ((info != 0) | ~(step.norm(dim=1) <= radius)).nonzero()[:, 0]
    if len(far):
        step = step.index_copy(0, far, _bounded(gradient[far], curvature[far], radius[far]))
    upwards = gradient + 0.5 * (curvature @ step[..., None])[..., 0]
    return step, (upwards[:, None] @ step[..., None])[:, 0, 0]


def _bounded(gradient: Tensor, curvature: Tensor, radius: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(-curvature)
    along = (gradient[:, None] @ vectors)[:, 0]
    tiny = torch.finfo(gradient.dtype).tiny ** 0.5
    floor = 1e-6 * values.abs().amax(1) + tiny
    shift = torch.where(values[:, 0] > floor, torch.zeros_like(floor), floor - values[:, 0])
    for _ in range(_ROUNDS):
        step = along / (values + shift[:, None])
        length = step.norm(dim=1)
        slope = (step.square() / (values + shift[:, None])).sum(1)
        longer = shift + length.square() * (length - radius) / (slope * radius).clamp_min(tiny)
        shift = torch.where(length > radius, longer, shift)
    step = along / (values + shift[:, None])
    length = step.norm(dim=1, keepdim=True)
    step = step * (radius[:, None] / length.clamp_min(tiny)).clamp_max(1)
    rest = (radius.square() - step[:, 1:].square().sum(1)).clamp_min(0).sqrt()
    upwards = torch.where(along[:, 0] < 0, -rest, rest)
    step[:, 0] = torch.where(values[:, 0] < 0, upwards, step[:, 0])
    return (vectors @ step[..., None])[..., 0]
