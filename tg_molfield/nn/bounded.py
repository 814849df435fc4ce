"""Models built from the settings of a file, whose sizes are compared with the file before anything is allocated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_FACTORIES: frozenset[Callable[..., Tensor]] = frozenset(
    {
        torch.arange, torch.empty, torch.eye, torch.full, torch.linspace, torch.ones, torch.rand, torch.randint,
        torch.randn, torch.randperm, torch.zeros,
    }
)  # fmt: skip
_SMALL = 2**16
"""Numbers; tables of this size are built besides a model's parameters."""
_COPIES, _CALLS = 8, 1024
"""A tensor of a model takes at most as many calls, and all of them together so many more."""


class BoundedBuild(TorchFunctionMode):
    """A context in which tensors are made only as far as a file can fill them.

    Args:
        tensors: what the file holds.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.numbers = sum(tensor.numel() for tensor in tensors.values())
        self.room = _COPIES * (self.numbers + _SMALL)
        self.calls = _COPIES * len(tensors) + _CALLS

    def check_settings(self, settings: Any, name: str = "hyper_parameters") -> None:
        """Raise a ValueError for whole numbers larger than the file, of which no size or count of a model can be."""
        if isinstance(settings, dict):
            for key, value in settings.items():
                self.check_settings(value, str(key))
        elif isinstance(settings, list):
            for value in settings:
                self.check_settings(value, name)
        elif isinstance(settings, int) and abs(settings) > max(self.numbers, _SMALL):
            raise ValueError(
                f"{name}: expected a size that the {self.numbers} numbers of the file can fill, got {settings:.3g}; "
                "download or save the model again"
            )

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func in _FACTORIES:
            planned = {key: value for key, value in given.items() if key not in ("generator", "out")}
            self.room -= func(*args, **{**planned, "device": "meta"}).numel()
            self.calls -= 1
            if self.room < 0 or self.calls < 0:
                raise ValueError(
                    f"hyper_parameters: expected a model of the {self.numbers} numbers in the file, got settings of a "
                    "larger one; download or save the model again"
                )
        return func(*args, **given)
