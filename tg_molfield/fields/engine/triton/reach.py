"""Cutoffs for kernels that skip a centre by its distance from a small block of nodes or points."""

from __future__ import annotations

import torch

from tg_molfield.fields.engine.cutoff import cutoff
from tg_molfield.fields.kernels import Kernel

_WIDER_FOR_VALUES, _WIDER_FOR_GRADIENTS = 1.06, 1.2


def value_reach(kernel: Kernel) -> float:
    """The cutoff of values in widths: the error stays below 2e-6 of the peak without the margin of large blocks."""
    return _widened(kernel, _WIDER_FOR_VALUES)


def gradient_reach(kernel: Kernel) -> float:
    """The cutoff of gradients in widths, where s φ'(s) is as small as φ at the cutoff of values."""
    return _widened(kernel, _WIDER_FOR_GRADIENTS)


def _widened(kernel: Kernel, factor: float) -> float:
    return min(factor * cutoff(kernel, torch.float32), kernel.reach(1e-16))
