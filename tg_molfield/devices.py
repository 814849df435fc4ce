"""Where tensors are, which decides how to work with them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_HOST = "cpu"
_WITH_DOUBLE = (_HOST, "cuda")
"""Devices that need not be asked for double precision."""
_QUEUED = ("cuda",)
"""Devices that copy from pinned memory when it is their turn."""


def is_on_host(tensor: Tensor) -> bool:
    """Whether a tensor is in the memory of the processor.

    There its numbers can be looked at, and parts that fit the cache are quickest. On a device few operations on many
    numbers are, and each look at a number makes the host wait.
    """
    return tensor.device.type == _HOST


def constant(values: Any, like: Tensor) -> Tensor:
    """Numbers as a tensor of the type and on the device of another, for which a CUDA device is not waited for."""
    if _is_queued(like.device):
        return queued_to(torch.tensor(values, dtype=like.dtype, device=_HOST), like.device)
    return torch.tensor(values, dtype=like.dtype, device=like.device)


def queued_to(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device; copies from pinned memory wait for their turn there, and the host does not."""
    if not is_on_host(tensor) or not _is_queued(device):
        return tensor.to(device)
    return (tensor.pin_memory() if torch.cuda.is_available() else tensor).to(device, non_blocking=True)


def _is_queued(device: torch.device) -> bool:
    return device.type in _QUEUED and not torch.compiler.is_compiling()


def widest_type(device: torch.device) -> torch.dtype:
    """The floating-point type with the most digits that a device has: float64, but float32 on Apple's GPUs."""
    if device.type not in _WITH_DOUBLE:
        try:
            torch.empty(0, dtype=torch.float64, device=device)
        except (TypeError, RuntimeError):
            return torch.float32
    return torch.float64


def in_widest_type(tensor: Tensor) -> Tensor:
    """The tensor in the `widest_type` of its device."""
    return tensor.to(widest_type(tensor.device))


def device_with_double(device: torch.device) -> torch.device:
    """The device, or the host where the device has no float64: where to calculate what float32 is not enough for."""
    return device if widest_type(device) == torch.float64 else torch.device(_HOST)


def in_double(tensor: Tensor) -> Tensor:
    """The tensor in float64: on its device, or on the host where its device has none."""
    return tensor.to(device_with_double(tensor.device)).double()


def brought_to(tensor: Tensor, device: torch.device) -> Tensor:
    """A result in float64 on a device, in the `widest_type` of that."""
    return sent_to(tensor, device, widest_type(device))


def sent_to(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The tensor on a device in a type, of which neither device is asked for one that only the other has."""
    if dtype.itemsize < tensor.dtype.itemsize:
        return tensor.to(dtype).to(device)
    return tensor.to(device).to(dtype)


def empty_at(like: Tensor, *target: Any, **options: Any) -> Tensor:
    """An empty tensor where, and of the type that, `Tensor.to` moves a floating-point tensor like this one.

    Raises:
        TypeError: the arguments are none of `Tensor.to`.
        ValueError: a string names no device, or the type is not a floating-point type.
    """
    given = (*target, *options.values())
    for device in given:
        if isinstance(device, str):
            _check_device(device)
    try:
        if any(isinstance(value, float) for value in given):
            raise TypeError("torch takes the type of a number")
        empty = like.new_empty(0).to(*target, **options)
    except TypeError as error:
        told = ", ".join(type(value).__name__ for value in given) or "nothing"
        raise TypeError(f"device: expected a device or a type, got {told}; give 'cuda' or torch.float64") from error
    if not empty.is_floating_point():
        raise ValueError(
            f"dtype: expected a floating-point type, got {empty.dtype}; give torch.float32 or torch.float64"
        )
    return empty


def _check_device(name: str) -> None:
    try:
        torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device: expected the name of a device, got {name[:40]!r}; give 'cpu' or 'cuda'") from error
