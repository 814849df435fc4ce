"""Memory for large results."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

_LARGE = 2**22
_TYPES = {torch.float32: np.float32, torch.float64: np.float64}


def new_result(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """An empty tensor of the type and on the device of ``like``.

    NumPy asks the system for huge pages for a large array and PyTorch does not, which makes the first write to it six
    times as slow; so on processors large results are arrays of NumPy.
    """
    small = math.prod(shape) * like.element_size() < _LARGE
    if small or like.dtype not in _TYPES or like.device.type != "cpu" or torch.compiler.is_compiling():
        return like.new_empty(shape)
    return torch.from_numpy(np.empty(shape, _TYPES[like.dtype]))
