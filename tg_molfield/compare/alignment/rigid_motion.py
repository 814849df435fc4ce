"""How an overlap of Gaussians changes when one side is moved rigidly.

With D = |u − y|² between a moved point u and a fixed point y, and a motion θ = (ω, τ) that takes u to exp(ω) u + τ:
∂D/∂θ is bilinear in (1, u) and (1, y), and so is ∂²D/∂θ². First and second derivatives of Σ P exp(−a D) by the six
parameters therefore follow from two small matrices, sums of aE and a²E times products of coordinates, which are matrix
products, whatever the number of Gaussians.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

_PRODUCTS = [(i, j) for i in range(4) for j in range(i, 4)]
"""Which two of (1, x, y, z) each of the ten products multiplies; the first four are 1, x, y and z themselves."""


class MotionTables(NamedTuple):
    """Linear maps from the small matrices to derivatives by (ω, τ).

    Attributes:
        slope: [16, 6], from Σ e q₁(u) q₁(y) to Σ e ∂D/∂θ.
        bend: [16, 36], from the same to Σ e ∂²D/∂θ².
        square: [100, 36], from Σ e q₂(u) q₂(y) to Σ e (∂D/∂θ)(∂D/∂θ)ᵀ.
    """

    slope: Tensor
    bend: Tensor
    square: Tensor


def products(x: Tensor) -> Tensor:
    """(1, x, y, z, x², xy, xz, y², yz, z²) of points [..., 3], as [..., 10]."""
    a, b, c = x.unbind(-1)
    return torch.stack([torch.ones_like(a), a, b, c, a * a, a * b, a * c, b * b, b * c, c * c], -1)


@lru_cache(maxsize=8)
def motion_tables(dtype: torch.dtype, device: torch.device) -> MotionTables:
    """The maps, in a floating-point type on a device."""
    slope = torch.zeros(6, 4, 4, dtype=torch.float64)
    bend = torch.zeros(6, 6, 4, 4, dtype=torch.float64)
    cross = _cross_products()
    for k in range(3):
        slope[3 + k, 1 + k, 0], slope[3 + k, 0, 1 + k] = 2, -2
        bend[3 + k, 3 + k, 0, 0] = 2
        slope[k, 1:, 1:] = -2 * cross[:, :, k]
        bend[k, k, 1:, 1:] += 2 * torch.eye(3, dtype=torch.float64)
        for other in range(3):
            bend[k, other, 1 + k, 1 + other] -= 1
            bend[k, other, 1 + other, 1 + k] -= 1
            bend[3 + k, other, 1:, 0] += 2 * cross[other, :, k]
            bend[other, 3 + k, 1:, 0] += 2 * cross[other, :, k]
    index = torch.zeros(4, 4, dtype=torch.long)
    for number, (i, j) in enumerate(_PRODUCTS):
        index[i, j] = index[j, i] = number
    outer = torch.einsum("pij,qkl->pqikjl", slope, slope)
    square = torch.zeros(36, 100, dtype=torch.float64)
    places = (10 * index[:, :, None, None] + index[None, None]).flatten()
    square.index_add_(1, places, outer.reshape(36, 256))
    tables = (slope.view(6, 16), bend.view(36, 16), square)
    return MotionTables(*(table.T.to(device, dtype).contiguous() for table in tables))


def _cross_products() -> Tensor:
    """e_i × e_j as [i, j, :]."""
    axes = torch.eye(3, dtype=torch.float64)
    return torch.linalg.cross(axes[:, None].expand(3, 3, 3), axes[None].expand(3, 3, 3), dim=-1)


def rotation_of(vector: Tensor) -> Tensor:
    """The rotations exp(ω) [..., 3, 3] of rotation vectors ω [..., 3] (Rodrigues)."""
    angle = vector.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(vector.dtype).tiny ** 0.25)
    x, y, z = (vector / angle).unbind(-1)
    zero = torch.zeros_like(x)
    turn = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    angle = angle[..., None]
    identity = torch.eye(3, dtype=vector.dtype, device=vector.device)
    return identity + angle.sin() * turn + (1 - angle.cos()) * (turn @ turn)
