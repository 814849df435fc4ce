"""Where tensors are, which decides how to work with them."""

from __future__ import annotations

from torch import Tensor

_HOST = "cpu"


def is_on_host(tensor: Tensor) -> bool:
    """Whether a tensor is in the memory of the processor.

    There its numbers can be looked at, and parts that fit the cache are quickest. On a device few operations on many
    numbers are, and each look at a number makes the host wait.
    """
    return tensor.device.type == _HOST
