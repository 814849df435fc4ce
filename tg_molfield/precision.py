"""Computations that automatic mixed precision must leave alone."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

HALF_TYPES = (torch.bfloat16, torch.float16)
PRECISIONS = ("float32", "bfloat16")
"""In which networks can be asked to compute."""
_DEVICES = tuple(device for device in ("cpu", "cuda", "mps", "xpu") if torch.amp.is_autocast_available(device))

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def full_precision(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """``function`` outside of `torch.autocast`, where that is on, with tensors of 16 bits given to it as float32.

    With 8 or 11 significant bits, positions are off by hundredths of an Å, phases of waves mean nothing, and
    differences of nearly equal sums vanish.
    """

    return _wrapped(function, on_host=False)


def full_precision_on_host(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """`full_precision`, with the host as the default device of new tensors, in place of `torch.set_default_device`'s.

    What such a computation needs besides its arguments belongs to the host; results are where the arguments are.
    """
    return _wrapped(function, on_host=True)


def _wrapped(function: Callable[Parameters, Result], on_host: bool) -> Callable[Parameters, Result]:
    """One wrapper for both, as warnings count the calls between them and the user."""

    @functools.wraps(function)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        for device in _DEVICES:
            if torch.is_autocast_enabled(device):
                with torch.autocast(device, enabled=False):
                    wide = {name: widened(value) for name, value in kwargs.items()}
                    return wrapped(*(widened(value) for value in args), **wide)
        if on_host and torch.get_default_device().type != "cpu":
            with torch.device("cpu"):
                return function(*args, **kwargs)
        return function(*args, **kwargs)

    return wrapped


def widened(value: Any) -> Any:
    """``value``, or as float32 where it is a tensor of 16 bits."""
    return value.float() if isinstance(value, Tensor) and value.dtype in HALF_TYPES else value
