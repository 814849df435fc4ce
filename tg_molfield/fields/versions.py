"""Whether tensors are as they were when something was computed from them and kept."""

from __future__ import annotations

from typing import TypeAlias

from torch import Tensor

_UNKNOWN = -1
"""Of tensors made in inference mode, which do not count their changes."""

Versions: TypeAlias = tuple[tuple[int, int], ...]


def versions(*tensors: Tensor) -> Versions | None:
    """What differs once a tensor is another or was changed in place; None where one is differentiated.

    What depends on tensors that are differentiated cannot be kept.
    """
    if any(tensor.requires_grad for tensor in tensors):
        return None
    return tuple((id(tensor), _UNKNOWN if tensor.is_inference() else tensor._version) for tensor in tensors)
