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
    w, v = quaternions[:, :1, None], quaternions[:, None, 1:]
    axes = torch.eye(3, dtype=quaternions.dtype, device=quaternions.device).unsqueeze(0)
    half = torch.linalg.cross(v, axes)
    return (axes + 2 * (w * half + torch.linalg.cross(v, half))).mT
