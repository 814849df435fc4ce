"""Functions whose backward pass recomputes the forward pass instead of storing intermediate results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tg_molfield.precision import full_precision


class Recomputed(torch.autograd.Function):
    """``function(*inputs)``; only the inputs are stored for the backward pass."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        ctx.function = function
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    @full_precision
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return None, *gradients(ctx.function, ctx.saved_tensors, grad, ctx.needs_input_grad[1:])


def gradients(
    function: Callable[..., Tensor], inputs: Sequence[Tensor], grad: Tensor, needs: Sequence[bool]
) -> list[Tensor | None]:
    """The gradients of ``function(*inputs)`` with respect to the inputs, None for those that need none.

    They can be differentiated again while gradients are recorded.
    """
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        if again:
            inputs = [tensor.view_as(tensor) for tensor in inputs]
        else:
            inputs = [tensor.detach().requires_grad_(need) for tensor, need in zip(inputs, needs, strict=True)]
        values = function(*inputs)
        wanted = [tensor for tensor, need in zip(inputs, needs, strict=True) if need]
        found = iter(torch.autograd.grad(values, wanted, grad, create_graph=again, materialize_grads=True))
    return [next(found) if need else None for need in needs]
