"""Gaussians on blocks of nodes with orthogonal axes: exp(−|t|²) is a product of three one-dimensional factors."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def spread(offset: Tensor, step: Tensor, weight: Tensor, block: tuple[int, int, int]) -> Tensor:
    """Σ_p weight_pc exp(−|t_p|²) at the nodes of G blocks, with t_p = offset_p + (i, j, k − middle) · step_p.

    Args:
        offset: the middle of the block from each centre, [G, P, 3].
        step: from node to node, [G, P, 3].
        weight: [G, P, C].
        block: the numbers of nodes along the axes.

    Returns:
        [G, C, bx, by, bz].
    """
    _, x, y, z = _factors(offset, step, block)
    values = torch.bmm(_outer(weight, x).transpose(1, 2), _outer(y, z))
    return values.view(len(weight), weight.shape[2], *block)


def spread_backward(
    offset: Tensor, step: Tensor, weight: Tensor, grad: Tensor, by_weight: bool, by_shape: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of `spread` by offset, step and weight, zeros where they are not wanted.

    Args:
        offset: as for `spread`.
        step: as for `spread`.
        weight: as for `spread`.
        grad: [G, C, bx, by, bz].
        by_weight: whether the last gradient is wanted.
        by_shape: whether the others are.
    """
    groups, centres, channels = weight.shape
    bx, by, bz = grad.shape[2:]
    block = (bx, by, bz)
    scaled, x, y, z = _factors(offset, step, block)
    grad = grad.reshape(groups, channels * bx, by * bz)
    by_x = torch.bmm(_outer(y, z), grad.transpose(1, 2)).view(groups, centres, channels, bx)
    grad_weight = (by_x @ x[..., None])[..., 0] if by_weight else torch.zeros_like(weight)
    if not by_shape:
        return torch.zeros_like(offset), torch.zeros_like(step), grad_weight
    by_yz = torch.bmm(_outer(weight, x), grad).view(groups, centres, by, bz)
    by_factor = (
        (by_x * weight[..., None]).sum(2),
        (by_yz @ z[..., None])[..., 0],
        (by_yz * y[..., None]).sum(2),
    )
    by_offset, by_step = [], []
    for axis, (part, factor, places) in enumerate(zip(by_factor, (x, y, z), _places(block, offset), strict=True)):
        slope = part * factor * scaled[:, :, axis, : block[axis]]
        by_offset.append(-2 * slope.sum(-1))
        by_step.append(-2 * slope @ places[: block[axis]])
    return torch.stack(by_offset, -1), torch.stack(by_step, -1), grad_weight


def _factors(offset: Tensor, step: Tensor, block: tuple[int, int, int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """t [G, P, 3, n] and exp(−t²) along each axis, so large that no product of three is denormal, which is slow."""
    scaled = torch.addcmul(offset[..., None], step[..., None], _places(block, offset))
    factors = torch.exp(-scaled.square().clamp_max(-0.32 * math.log(torch.finfo(scaled.dtype).tiny)))
    x, y, z = (factors[:, :, axis, :n] for axis, n in enumerate(block))
    return scaled, x, y, z


def _places(block: tuple[int, int, int], like: Tensor) -> Tensor:
    middle = (torch.tensor(block, dtype=like.dtype, device=like.device) - 1) / 2
    return torch.arange(max(block), dtype=like.dtype, device=like.device) - middle[:, None]


def _outer(left: Tensor, right: Tensor) -> Tensor:
    return (left[..., :, None] * right[..., None, :]).flatten(2)
