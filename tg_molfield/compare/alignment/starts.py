"""Where alignments start: principal axes of both molecules, laid on each other in several ways."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.chem.rotations import rotations_of_quaternions

_PSI = 1.533751168755204288118041
"""The positive real root of ψ⁴ = ψ + 4."""


class Frames(NamedTuple):
    """Centres and principal axes of B molecules.

    Attributes:
        center: [B, 3] in Å.
        axes: [B, 3, 3], proper rotations; rows are axes, the moment along them rising.
        radius: radii of gyration [B] in Å, 1 for single points.
    """

    center: Tensor
    axes: Tensor
    radius: Tensor

    def part(self, index: Tensor) -> Frames:
        """Those of some molecules."""
        return Frames(*(one[index] for one in self))

    def into(self, pos: Tensor) -> Tensor:
        """Positions [B, N, 3] in the molecules' own frames."""
        return (pos - self.center[:, None]) @ self.axes.transpose(1, 2)


def principal_frames(pos: Tensor, weights: Tensor) -> Frames:
    """The frames of weighted points.

    Args:
        pos: [B, N, 3] in Å, float64.
        weights: [B, N], none negative; not all 0.
    """
    total = weights.sum(1)
    center = (weights[..., None] * pos).sum(1) / total[:, None]
    apart = pos - center[:, None]
    moments = torch.einsum("bn,bni,bnj->bij", weights, apart, apart) / total[:, None, None]
    values, vectors = torch.linalg.eigh(moments)
    axes = (vectors * torch.linalg.det(vectors).sign()[:, None, None]).transpose(1, 2)
    radius = values.clamp_min(0).sum(1).sqrt()
    return Frames(center, axes, torch.where(radius > 0.1, radius, torch.ones_like(radius)))


@lru_cache(maxsize=4)
def start_rotations(count: int) -> Tensor:
    """The first ``count`` of a series of rotations [count, 3, 3], float64.

    The first four keep each axis, up to its direction: these suffice where principal axes are distinct. With the next
    20, which exchange axes, they are the rotations of a cube. The rest are spread evenly over all rotations.
    """
    found = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            rotation = torch.zeros(3, 3, dtype=torch.float64)
            rotation[range(3), order] = torch.tensor(signs, dtype=torch.float64)
            if torch.linalg.det(rotation) > 0:
                found.append(rotation)
    found.sort(key=lambda rotation: (-float(rotation.diagonal().abs().sum()), -float(rotation.trace())))
    more = spread_rotations(max(1, count - len(found)))
    return torch.cat([torch.stack(found), more])[:count]


def spread_rotations(count: int) -> Tensor:
    """Rotations [count, 3, 3] spread evenly, float64: super-Fibonacci spirals (Alexa, CVPR 2022)."""
    s = torch.arange(count, dtype=torch.float64) + 0.5
    inner, outer = (s / count).sqrt(), (1 - s / count).sqrt()
    alpha, beta = 2 * math.pi * s / math.sqrt(2), 2 * math.pi * s / _PSI
    return rotations_of_quaternions(
        torch.stack([outer * beta.cos(), inner * alpha.sin(), inner * alpha.cos(), outer * beta.sin()], 1)
    )
