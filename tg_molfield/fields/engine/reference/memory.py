"""Memory for large results."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

_LARGE = 2**22
_TYPES = {torch.float32: np.float32, torch.float64: np.float64}


def new_result(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """An empty tensor with the type and device of ``like``.

    NumPy allocates large arrays in huge pages and PyTorch does not, which makes the first write six times slower. On
    processors, large results are therefore NumPy arrays.
    """
    small = math.prod(shape) * like.element_size() < _LARGE
    if small or like.dtype not in _TYPES or like.device.type != "cpu" or torch.compiler.is_compiling():
        return like.new_empty(shape)
    return torch.from_numpy(np.empty(shape, _TYPES[like.dtype]))
