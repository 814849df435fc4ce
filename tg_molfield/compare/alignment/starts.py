"""Where alignments start: principal axes of both molecules, laid on each other in several ways."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from tg_molfield.chem.rotations import rotations_of_quaternions

_DIAGONAL_TURNS = torch.tensor([[0, 1, 1, 1], [3, 1, 1, 1]], dtype=torch.float64)
"""By 180° and 60° about a diagonal of a cube: quaternions (w, x, y, z), not normalised."""


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
    """The first ``count`` of a series of rotations [count, 3, 3], float64: 4, 24, 40 or 56.

    The first four keep each axis, up to its direction: these suffice where principal axes are distinct. With the next
    20, which exchange axes, they are the rotations of a cube. The rest lie between these: turns about a diagonal, by
    180° and by 60°, with axes reversed in all ways. The directions of principal axes are arbitrary, so every set is
    the same when axes of either molecule are reversed.
    """
    found = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            rotation = torch.zeros(3, 3, dtype=torch.float64)
            rotation[range(3), order] = torch.tensor(signs, dtype=torch.float64)
            if torch.linalg.det(rotation) > 0:
                found.append(rotation)
    found.sort(key=lambda rotation: (-float(rotation.diagonal().abs().sum()), -float(rotation.trace())))
    cube = torch.stack(found)
    reversals = cube[:4]
    turns = rotations_of_quaternions(normalize(_DIAGONAL_TURNS, dim=1))
    return torch.cat([cube, (reversals[:, None] @ turns[:, None, None] @ reversals).flatten(0, 2)])[:count]
