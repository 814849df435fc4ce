"""Whether tensors are as they were when something was computed from them and kept."""

from __future__ import annotations

from torch import Tensor

_UNKNOWN = -1
"""Of tensors made in inference mode, which do not count their changes."""


class Versions:
    """Some tensors, which are held so that no other takes their place, and how often each was changed in place."""

    def __init__(self, tensors: tuple[Tensor, ...]) -> None:
        self._tensors = tensors
        self._counts = [_count(tensor) for tensor in tensors]

    def are_those_of(self, *tensors: Tensor) -> bool:
        """Whether these are the very tensors, not changed since and not differentiated now."""
        same = all(one is two for one, two in zip(self._tensors, tensors, strict=True))
        changed = self._counts != [_count(tensor) for tensor in tensors]
        return same and not changed and not _differentiated(tensors)


def versions(*tensors: Tensor) -> Versions | None:
    """The versions of tensors; None where one is differentiated: what depends on it cannot be kept."""
    return None if _differentiated(tensors) else Versions(tensors)


def _differentiated(tensors: tuple[Tensor, ...]) -> bool:
    return any(tensor.requires_grad for tensor in tensors)


def _count(tensor: Tensor) -> int:
    return _UNKNOWN if tensor.is_inference() else tensor._version
