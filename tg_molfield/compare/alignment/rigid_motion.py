"""How an overlap of Gaussians changes when one side is moved rigidly.

With D = |u − y|² between a moved point u and a fixed point y, and a motion θ = (ω, τ) that takes u to exp(ω) u + τ:
∂D/∂θ is bilinear in (1, u) and (1, y), and so is ∂²D/∂θ². First and second derivatives of Σ P exp(−a D) by the six
parameters therefore follow from two small matrices, sums of aE and a²E times products of coordinates, which are matrix
products, whatever the number of Gaussians.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

_PRODUCTS = [(i, j) for i in range(4) for j in range(i, 4)]
"""Which two of (1, x, y, z) each of the ten products multiplies; the first four are 1, x, y and z themselves."""


def products(x: Tensor) -> Tensor:
    """(1, x, y, z, x², xy, xz, y², yz, z²) of points [..., 3], as [..., 10]."""
    a, b, c = x.unbind(-1)
    return torch.stack([torch.ones_like(a), a, b, c, a * a, a * b, a * c, b * b, b * c, c * c], -1)


@lru_cache(maxsize=8)
def motion_maps(dtype: torch.dtype, device: torch.device) -> Tensor:
    """What sums Σ e q(u) q(y)ᵀ of products [100] are multiplied by, in a floating-point type on a device [100, 78].

    Columns 0 to 6 give Σ e ∂D/∂θ, 6 to 42 Σ e ∂²D/∂θ², both from the products of (1, u) and (1, y) alone; 42 to 78
    give Σ e (∂D/∂θ)(∂D/∂θ)ᵀ.
    """
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
    maps = torch.zeros(78, 10, 10, dtype=torch.float64)
    maps[:6, :4, :4], maps[6:42, :4, :4] = slope, bend.flatten(0, 1)
    places = (10 * index[:, :, None, None] + index[None, None]).flatten()
    maps[42:].view(36, 100).index_add_(1, places, outer.reshape(36, 256))
    return maps.view(78, 100).T.to(device, dtype).contiguous()


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
