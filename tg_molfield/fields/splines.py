"""Tensor-product splines on a table of coefficients, with derivatives of any order, differentiable by autograd."""

from __future__ import annotations

from math import factorial
from typing import Any

import torch
from torch import Tensor

from tg_molfield.fields.engine.functorch import is_transformed
from tg_molfield.precision import full_precision

LINEAR = ((1.0, 0.0), (-1.0, 1.0))
CUBIC = (
    (1 / 6, 4 / 6, 1 / 6, 0.0),
    (-1 / 2, 0.0, 1 / 2, 0.0),
    (1 / 2, -1.0, 1 / 2, 0.0),
    (-1 / 6, 1 / 2, -1 / 2, 1 / 6),
)
"""Row p, column i: the factor of t^p in the weight of the i-th of the W nodes around a point."""

Basis = tuple[tuple[float, ...], ...]
Order = tuple[int, int, int]

VALUE: tuple[Order, ...] = ((0, 0, 0),)
GRADIENT: tuple[Order, ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))

_BYTES_AT_ONCE = 2**24


def evaluate(table: Tensor, low: Tensor, offset: Tensor, basis: Basis, orders: tuple[Order, ...] = VALUE) -> Tensor:
    """Derivatives Σ_w table[low + w] · b_w(offset), differentiated ``orders`` times along each axis.

    Differentiable any number of times with respect to ``table`` and ``offset``; memory does not grow with W³.

    Args:
        table: coefficients [X, Y, Z, C].
        low: the first of the W nodes of each point along each axis [Q, 3], int64, with low + W ≤ (X, Y, Z).
        offset: the place of each point in its step [Q, 3], from 0 to 1.
        basis: the weights [W, W] as polynomials.
        orders: K derivatives, each as its order along the three axes.

    Returns:
        [Q, K, C], in units per step.
    """
    if is_transformed():
        first = _run_starts(low, table.shape, len(basis))
        nodes = (first[:, :, None] + torch.arange(len(basis), device=low.device)).flatten(1)
        return _weights(offset, basis, orders) @ table.flatten(0, 2)[nodes]
    return _Evaluate.apply(table, low, offset, basis, orders)


class _Evaluate(torch.autograd.Function):
    @staticmethod
    def forward(table: Tensor, low: Tensor, offset: Tensor, basis: Basis, orders: tuple[Order, ...]) -> Tensor:
        out = table.new_empty(len(low), len(orders), table.shape[-1])
        width, channels = len(basis), table.shape[-1]
        flat = table.contiguous().flatten(0, 2)
        runs = flat.as_strided((len(flat) - width + 1, width * channels), (channels, 1))
        for part in _parts(low, table, basis, orders):
            first = _run_starts(low[part], table.shape, width)
            rows = runs.index_select(0, first.flatten()).view(len(first), width**3, channels)
            torch.bmm(_weights(offset[part], basis, orders), rows, out=out[part])
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        table, low, offset, ctx.basis, ctx.orders = inputs
        ctx.save_for_backward(table, low, offset)

    @staticmethod
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        table, low, offset = ctx.saved_tensors
        by_table = by_offset = None
        if ctx.needs_input_grad[0]:
            by_table = _Spread.apply(grad, low, offset, ctx.basis, ctx.orders, table.shape)
        if ctx.needs_input_grad[2]:
            by_offset = _by_offset(grad, table, low, offset, ctx.basis, ctx.orders)
        return by_table, None, by_offset, None, None


class _Spread(torch.autograd.Function):
    """The transpose of `_Evaluate`: values [Q, K, C] at points, added to the table [X, Y, Z, C] with their weights."""

    @staticmethod
    def forward(
        values: Tensor, low: Tensor, offset: Tensor, basis: Basis, orders: tuple[Order, ...], shape: torch.Size
    ) -> Tensor:
        table = values.new_zeros(shape)
        flat = table.flatten(0, 2)
        for part in _parts(low, table, basis, orders):
            first = _run_starts(low[part], shape, len(basis))
            nodes = first[:, :, None] + torch.arange(len(basis), device=low.device)
            rows = torch.bmm(_weights(offset[part], basis, orders).transpose(1, 2), values[part])
            flat.index_add_(0, nodes.flatten(), rows.flatten(0, 1))
        return table

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        values, low, offset, ctx.basis, ctx.orders, _ = inputs
        ctx.save_for_backward(values, low, offset)

    @staticmethod
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        values, low, offset = ctx.saved_tensors
        by_values = by_offset = None
        if ctx.needs_input_grad[0]:
            by_values = evaluate(grad, low, offset, ctx.basis, ctx.orders)
        if ctx.needs_input_grad[2]:
            by_offset = _by_offset(values, grad, low, offset, ctx.basis, ctx.orders)
        return by_values, None, by_offset, None, None, None


def _by_offset(
    grad: Tensor, table: Tensor, low: Tensor, offset: Tensor, basis: Basis, orders: tuple[Order, ...]
) -> Tensor:
    higher = tuple((x + dx, y + dy, z + dz) for dx, dy, dz in GRADIENT for x, y, z in orders)
    slopes = evaluate(table, low, offset, basis, higher)
    return (grad[:, None] * slopes.view(len(low), 3, *grad.shape[1:])).sum((2, 3))


def _parts(low: Tensor, table: Tensor, basis: Basis, orders: tuple[Order, ...]) -> list[slice]:
    per_point = table.element_size() * len(basis) ** 3 * (table.shape[-1] + len(orders) + 1)
    size = max(1, _BYTES_AT_ONCE // per_point)
    return [slice(start, start + size) for start in range(0, len(low), size)]


def _run_starts(low: Tensor, shape: torch.Size, width: int) -> Tensor:
    rows = low[:, 0] * shape[1] + low[:, 1]
    steps = torch.arange(width, device=low.device)
    corners = (steps[:, None] * shape[1] + steps).flatten()
    return (rows[:, None] + corners) * shape[2] + low[:, 2:]


def _weights(offset: Tensor, basis: Basis, orders: tuple[Order, ...]) -> Tensor:
    factors = {
        (axis, order): _derivative(offset[:, axis], basis, order)
        for axis in range(3)
        for order in {triple[axis] for triple in orders}
    }
    products = [
        (factors[0, x][:, :, None, None] * factors[1, y][:, None, :, None] * factors[2, z][:, None, None, :]).flatten(1)
        for x, y, z in orders
    ]
    return torch.stack(products, 1)


def _derivative(t: Tensor, basis: Basis, order: int) -> Tensor:
    rows = [
        [factor * factorial(power) / factorial(power - order) for factor in basis[power]]
        for power in range(order, len(basis))
    ]
    total = t.new_zeros(len(t), len(basis))
    for row in reversed(rows):
        total = total * t[:, None] + t.new_tensor(row)
    return total
