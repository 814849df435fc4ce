"""All pairs of points and centres in a stack of small problems, padded to one size."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from tg_molfield.fields.engine.reference.recompute import gradients
from tg_molfield.fields.kernels import Gaussian, Kernel
from tg_molfield.precision import full_precision

_FARTHEST_SQUARE = 200.0
_FARTHEST_SQUARE_IN_DOUBLE = 1e5
"""In widths, from the origin: rounding of exponents as matrix products then changes values by about 1e-5 and 1e-11."""


def dense_values(kernel: Kernel, pos: Tensor, centers: Tensor, weights: Tensor, inverse: Tensor) -> Tensor:
    """Σ_p weights_pc φ(|x − c_p| · inverse_p), from the distances.

    Args:
        kernel: φ.
        pos: [G, T, 3], or [1, T, 3] if all problems share their points.
        centers: [G, P, 3].
        weights: [G, P, C].
        inverse: 1/σ [G, P].

    Returns:
        [G, C, T].
    """
    return weights.transpose(1, 2) @ kernel.value(_squares(pos, centers, inverse))


def dense_gradients(kernel: Kernel, pos: Tensor, centers: Tensor, weights: Tensor, inverse: Tensor) -> Tensor:
    """The gradient [G, C, T, 3] of `dense_values` with respect to the points; takes the same arguments."""
    slopes = kernel.derivative(_squares(pos, centers, inverse)) * (2 * inverse.square())[..., None]
    return torch.stack([weights.transpose(1, 2) @ (slopes * offset) for offset in _offsets(pos, centers)], -1)


class DenseSum(torch.autograd.Function):
    """`dense_values` with a backward pass of matrix products.

    With ``near``, the exponents of Gaussians are a matrix product too, |x|² + |c|² − 2x·c. This is accurate only for
    points or centres close to the origin: see `is_near`. The backward pass recomputes the values unless ``keep``.
    """

    @staticmethod
    def forward(
        ctx: Any, kernel: Kernel, near: bool, keep: bool, pos: Tensor, centers: Tensor, weights: Tensor, inverse: Tensor
    ) -> Tensor:
        ctx.kernel, ctx.near = kernel, near and isinstance(kernel, Gaussian)
        ctx.save_for_backward(pos, centers, weights, inverse)
        if not ctx.near:
            return dense_values(kernel, pos, centers, weights, inverse)
        factors = _factors(pos, centers, inverse)
        value = _gaussians(*factors)
        ctx.kept = (factors, value) if keep and any(ctx.needs_input_grad) else None
        return weights.transpose(1, 2) @ value

    @staticmethod
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        saved, needs = ctx.saved_tensors, ctx.needs_input_grad[3:]
        if torch.is_grad_enabled():
            return None, None, None, *gradients(lambda *x: dense_values(ctx.kernel, *x), saved, grad, needs)
        pos, centers, weights, inverse = saved
        grad = grad.contiguous()
        if not ctx.near:
            squares = _squares(pos, centers, inverse)
            value, slope = ctx.kernel.value(squares), -2 * ctx.kernel.derivative(squares)
        else:
            factors, value = ctx.kept or (_factors(pos, centers, inverse), None)
            value = slope = _gaussians(*factors) if value is None else value
        by_weight = (grad @ value.transpose(1, 2)).transpose(1, 2) if needs[2] else None
        by_pos = by_center = by_inverse = None
        if needs[0] or needs[1] or needs[3]:
            slope = (weights @ grad).mul_(slope)
            points, sources = factors if ctx.near else _factors(pos, centers, inverse)
        if needs[0]:
            part = (sources.transpose(1, 2) @ slope).transpose(1, 2)
            by_pos = part[..., :3] - pos * part[..., 3:4]
        if needs[1]:
            part = (points.transpose(1, 2) @ slope.transpose(1, 2)).transpose(1, 2)
            by_center = inverse.square()[..., None] * (part[..., :3] - centers * part[..., 4:])
        if needs[3]:
            exponent = value.log() if ctx.near else -0.5 * squares
            by_inverse = torch.where(inverse > 0, 2 * (slope * exponent).sum(2) / inverse, 0)
        return None, None, None, by_pos, by_center, by_weight, by_inverse


def is_near(kernel: Kernel, places: Tensor, inverse: Tensor) -> bool:
    """Whether `DenseSum` is accurate with ``near`` for these places, if these are all centres or all points.

    Either is enough: where a Gaussian is more than negligible, its centre and the point are as far from the origin.

    Args:
        kernel: φ.
        places: [..., N, 3].
        inverse: the greatest 1/σ of each place, or of all, broadcast [..., N].
    """
    if not isinstance(kernel, Gaussian) or not places.numel():
        return False
    bound = _FARTHEST_SQUARE_IN_DOUBLE if places.dtype == torch.float64 else _FARTHEST_SQUARE
    return float((places.detach().square().sum(-1) * inverse.detach().square()).max()) < bound


def _gaussians(points: Tensor, sources: Tensor) -> Tensor:
    """The Gaussians [G, P, T] of these `_factors`, kept above denormal numbers, which are slow on processors."""
    least = 0.9 * math.log(torch.finfo(points.dtype).tiny)
    return (sources @ points.transpose(1, 2)).clamp_min_(least).exp_()


def _factors(pos: Tensor, centers: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor]:
    """Matrices [G, T, 5] and [G, P, 5] whose product is −|x − c|²/(2σ²)."""
    square = inverse.square()[..., None]
    points = torch.cat([pos, _norms(pos).mul_(-0.5), torch.ones_like(pos[..., :1])], -1)
    return points, torch.cat([centers * square, square, -0.5 * _norms(centers) * square], -1)


def _norms(rows: Tensor) -> Tensor:
    x, y, z = rows.square().split(1, -1)
    return x + y + z


def _squares(pos: Tensor, centers: Tensor, inverse: Tensor) -> Tensor:
    x, y, z = (offset.square() for offset in _offsets(pos, centers))
    return (x + y + z) * inverse.square()[..., None]


def _offsets(pos: Tensor, centers: Tensor) -> list[Tensor]:
    return [pos[:, None, :, axis] - centers[:, :, None, axis] for axis in range(3)]
