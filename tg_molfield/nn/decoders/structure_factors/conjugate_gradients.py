"""Steps towards structure factors without their normal equations: a few conjugate gradients."""

from __future__ import annotations

import torch
from torch import Tensor

_ITERATIONS = 8
_LEAST = 1e-30


def truncated_step(vectors: Tensor, shares: Tensor, rest: Tensor, weights: Tensor, damping: Tensor) -> Tensor:
    """The damped Gauss–Newton step ``[B, n, 3]``, nearly; 0 for atoms without weight.

    Wave vectors in all directions make the normal matrix nearly a multiple of the identity, so that few conjugate
    gradients suffice far from the solution (truncated Newton, Dembo & Steihaug 1983). Both products with the
    derivatives are products with ``shares``, so the derivatives are never written down.

    Args:
        vectors: ``[3, W]``, the wave vectors.
        shares: ``[B, n, 2 W]``, what each atom contributes to the structure factors, cosines first.
        rest: ``[B, 2 W]``, what the atoms leave.
        weights: ``[B, n]`` of the atoms.
        damping: ``[B]``, relative to the largest diagonal element of the normal matrix.
    """
    waves, across = torch.cat([vectors, vectors], dim=1), shares.transpose(1, 2)
    diagonal = weights.square().unsqueeze(1) * vectors.square().sum(1).unsqueeze(1)
    shift = damping.view(-1, 1, 1) * diagonal.amax((1, 2), keepdim=True) + (diagonal == 0).to(diagonal)
    scale = (diagonal + shift).reciprocal()
    cos, sin = rest.unsqueeze(1).chunk(2, dim=2)
    left = (waves * torch.cat([sin, -cos], dim=2)) @ across
    step = torch.zeros_like(left)
    scaled = direction = scale * left
    size = (left * scaled).sum((1, 2), keepdim=True)
    for _ in range(_ITERATIONS):
        change = (waves * (direction @ shares)).sum(1, keepdim=True)
        pull = torch.addcmul((waves * change) @ across, shift, direction)
        length = size / (direction * pull).sum((1, 2), keepdim=True).clamp(min=_LEAST)
        step = torch.addcmul(step, length, direction)
        left = torch.addcmul(left, length, pull, value=-1)
        scaled, before = scale * left, size
        size = (left * scaled).sum((1, 2), keepdim=True)
        direction = torch.addcmul(scaled, size / before.clamp(min=_LEAST), direction)
    return step.transpose(1, 2)
