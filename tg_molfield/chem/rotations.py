"""Rotations of molecules."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from tg_molfield.devices import widest_type

_NOT_ORTHOGONAL = 1e-4
"""How much the product of a rotation with its transpose may differ from 1."""


def check_rotations(name: str, matrices: Tensor, what: str, remedy: str) -> None:
    """Raise a ValueError unless ``matrices`` [N, 3, 3] are proper rotations.

    Args:
        name: of the argument.
        matrices: of any floating-point type.
        what: what was expected, in words.
        remedy: what to give instead.
    """
    matrices = matrices.detach().cpu().double()
    product = matrices @ matrices.mT
    apart = (product - torch.eye(3, dtype=product.dtype, device=product.device)).abs().amax((1, 2))
    wrong = (~((apart < _NOT_ORTHOGONAL) & (torch.linalg.det(matrices) > 0))).nonzero()[:, 0]
    if len(wrong):
        raise ValueError(f"{name}: expected {what}, got another matrix for molecule {int(wrong[0])}; {remedy}")


def random_rotations(count: int, device: torch.device | None = None) -> Tensor:
    """Proper rotations [count, 3, 3], float64, uniform over SO(3), from torch's global generator.

    They come from normalised quaternions of four standard normal numbers (Shoemake, Graphics Gems III, 1992).
    """
    dtype = torch.float64 if device is None else widest_type(device)
    return rotations_of_quaternions(normalize(torch.randn(count, 4, dtype=dtype, device=device), dim=1))


def rotations_of_quaternions(quaternions: Tensor) -> Tensor:
    """The rotations [N, 3, 3] of unit quaternions (w, x, y, z) [N, 4]."""
    w, v = quaternions[:, :1, None], quaternions[:, None, 1:]
    axes = torch.eye(3, dtype=quaternions.dtype, device=quaternions.device).unsqueeze(0)
    half = torch.linalg.cross(v, axes)
    return (axes + 2 * (w * half + torch.linalg.cross(v, half))).mT
