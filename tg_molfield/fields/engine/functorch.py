"""Whether a transform of `torch.func` is at work."""

from __future__ import annotations

import torch


def is_transformed() -> bool:
    """Whether code runs inside `torch.func.vmap`, ``grad``, ``jacrev`` or their like.

    There, results must not depend on the values of tensors, and derivatives are torch's own: sums are evaluated in
    plain operations, without `torch.autograd.Function` and without sorting points into cells. torch has no public name
    for the question; its own `torch.autograd.Function` asks it in this way.
    """
    return bool(torch._C._are_functorch_transforms_active())
