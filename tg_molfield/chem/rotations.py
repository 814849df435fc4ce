"""Random rotations of molecules."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def random_rotations(count: int, device: torch.device | None = None) -> Tensor:
    """Proper rotations [count, 3, 3], float64, uniform over SO(3), from torch's global generator.

    They come from normalised quaternions of four standard normal numbers (Shoemake, Graphics Gems III, 1992).
    """
    return rotations_of_quaternions(normalize(torch.randn(count, 4, dtype=torch.float64, device=device), dim=1))


def rotations_of_quaternions(quaternions: Tensor) -> Tensor:
    """The rotations [N, 3, 3] of unit quaternions (w, x, y, z) [N, 4]."""
    w, x, y, z = quaternions.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
