"""Codes with noise, and codes between two others."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from tg_molfield.random_draws import normal

_MOST = 0.5
"""The noise half way between codes that have nothing in common."""


def noisy(code: Tensor, noise: Tensor, seed: Tensor) -> Tensor:
    """``code [B, D]``, of variance 1, with ``noise [B]`` mixed in so that the variance stays.

    Args:
        code: the codes.
        noise: the standard deviation of the noise, up to 1.
        seed: ``[B]`` int64; equal seeds give equal noise.
    """
    drawn = normal(seed, code.size(1), "noise of a code").to(code)
    return (1 - noise.square()).sqrt().unsqueeze(1) * code + noise.unsqueeze(1) * drawn


def angle_between(one: Tensor, two: Tensor) -> Tensor:
    """The angle ``[B]`` between codes ``[B, D]``, in radians."""
    return F.cosine_similarity(one, two, dim=1).clamp(-1, 1).acos()


def great_circle(one: Tensor, two: Tensor, share: Tensor) -> Tensor:
    """Codes ``[T, D]`` at the shares ``[T]`` of the way from ``one [D]`` to ``two [D]``, evenly spaced in angle."""
    angle = angle_between(one.unsqueeze(0), two.unsqueeze(0))
    share = share.unsqueeze(1)
    if float(angle) < 1e-4:
        return (1 - share) * one + share * two
    return (((1 - share) * angle).sin() * one + (share * angle).sin() * two) / angle.sin()


def noise_between(angle: Tensor, share: Tensor, most: float | None) -> Tensor:
    """How much noise to decode with at the shares ``[T]`` of a way: none at the ends and most half way.

    Args:
        angle: between the ends, in radians.
        share: of the way.
        most: half way; in proportion to the angle, up to a right one, if None.
    """
    half_way = _MOST * (angle / (math.pi / 2)).clamp(max=1) if most is None else most
    return half_way * (4 * share * (1 - share)).clamp(min=0).sqrt()
