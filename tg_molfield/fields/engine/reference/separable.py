"""Gaussians on blocks of nodes with orthogonal axes: exp(−|t|²) is a product of three one-dimensional factors.

Two factors are multiplied out, so that a block of values is the product of a left and a right matrix: x | y z for many
channels, which also go on the left, and x y | z for few.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

Block = tuple[int, int, int]


@dataclass(frozen=True)
class Split:
    """How blocks split into factors.

    Args:
        block: the numbers of nodes along the axes.
        axes: the number of axes on the left.
        linear: matrix [6, bx + by + bz] from offset and step [6] to t along all axes.
        left: 1, place along each axis and its square, for each channel and node on the left
            [channels · nodes, 1 + 2 · axes].
        right: the same for the nodes on the right [nodes, 1 + 2 · axes].
        channel: one-hot channel of the rows of ``left`` [channels · nodes, channels].
    """

    block: Block
    axes: int
    linear: Tensor
    left: Tensor
    right: Tensor
    channel: Tensor

    @classmethod
    def of(cls, block: Block, channels: int, dtype: torch.dtype, device: torch.device) -> Split:
        """The split with the smaller matrices."""
        bx, by, bz = block
        axes = 2 if channels * bx * by + bz < channels * bx + by * bz else 1
        places = [torch.arange(n, dtype=dtype, device=device) - (n - 1) / 2 for n in block]
        linear = torch.cat([torch.block_diag(*(torch.ones_like(k) for k in places)), torch.block_diag(*places)])
        left, right = _moments(places[:axes]), _moments(places[axes:])
        channel = torch.eye(channels, dtype=dtype, device=device).repeat_interleave(left.shape[0], 0)
        return cls(block, axes, linear, left.repeat(channels, 1), right, channel)

    def factors(self, shape: Tensor) -> tuple[Tensor, Tensor]:
        """exp(−|t|²) [G, P, nodes] over the axes on the left and on the right, from offset and step [G, P, 6].

        Factors are bounded below so that no product of three is a denormal number, which is slow.
        """
        scaled = shape @ self.linear
        least = 0.32 * math.log(torch.finfo(scaled.dtype).tiny)
        x, y, z = scaled.square().clamp_max(-least).neg().exp().split(self.block, -1)
        return (x, _outer(y, z)) if self.axes == 1 else (_outer(x, y), z)


def spread(shape: Tensor, weight: Tensor, split: Split, out: Tensor | None = None) -> Tensor:
    """Σ_p weight_pc exp(−|t_p|²) at the nodes of G blocks, with t_p = offset_p + (i, j, k − middle) · step_p.

    Args:
        shape: offset from centre to middle of the block, and step from node to node [G, P, 6].
        weight: [G, P, C].
        split: how the blocks split into factors.
        out: where to write the values.

    Returns:
        [G, C, bx, by, bz].
    """
    left, right = split.factors(shape)
    left, right = (left, right * weight) if weight.shape[2] == 1 else (_outer(weight, left), right)
    left = left.transpose(1, 2)
    if out is None:
        return torch.bmm(left, right).view(weight.shape[0], -1, *split.block)
    torch.bmm(left, right, out=out.view(*left.shape[:2], -1))
    return out


def spread_backward(
    shape: Tensor, weight: Tensor, grad: Tensor, split: Split, by_weight: bool, by_shape: bool
) -> tuple[Tensor, Tensor]:
    """The gradients of `spread` with respect to shape and weight; zero for those not asked for.

    Let D be the product of gradient and value at a node. Its derivative with respect to the offset is −2tD, and with
    respect to the step −2ktD at the k-th node from the middle; t is linear in k, so moments of D suffice.

    Args:
        shape: as for `spread`.
        weight: as for `spread`.
        grad: [G, C, bx, by, bz].
        split: as for `spread`.
        by_weight: whether to compute the gradient of the weight.
        by_shape: whether to compute the gradient of the shape.
    """
    left, right = split.factors(shape)
    grad = grad.reshape(weight.shape[0], -1, right.shape[2])
    at_left = torch.bmm(right, grad.transpose(1, 2))
    by_channel = at_left.unflatten(2, (weight.shape[2], -1))
    grad_weight = torch.zeros_like(weight)
    if by_weight:
        grad_weight = _total((by_channel * left[:, :, None]).flatten(2), split.channel)
    if not by_shape:
        return torch.zeros_like(shape), grad_weight
    left = _outer(weight, left)
    at_right = torch.bmm(left, grad)
    of_left, of_right = _total(at_left.mul_(left), split.left), _total(at_right.mul_(right), split.right)
    axes = split.axes
    first = torch.cat([of_left[..., 1 : 1 + axes], of_right[..., 1 : 4 - axes]], -1)
    second = torch.cat([of_left[..., 1 + axes :], of_right[..., 4 - axes :]], -1)
    total, offset, step = of_left[..., :1], shape[..., :3], shape[..., 3:]
    by_offset, by_step = offset * total + step * first, offset * first + step * second
    return torch.cat([by_offset, by_step], -1).mul_(-2), grad_weight


def _total(rows: Tensor, matrix: Tensor) -> Tensor:
    """``rows @ matrix``, in the order that is fast for narrow matrices."""
    return (matrix.T @ rows.flatten(0, 1).T).T.unflatten(0, rows.shape[:2])


def _moments(places: list[Tensor]) -> Tensor:
    nodes = torch.stack(torch.meshgrid(*places, indexing="ij"), -1).flatten(0, -2)
    return torch.cat([torch.ones_like(nodes[:, :1]), nodes, nodes.square()], 1)


def _outer(left: Tensor, right: Tensor) -> Tensor:
    return (left[..., :, None] * right[..., None, :]).flatten(2)
