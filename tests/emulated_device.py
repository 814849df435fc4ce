"""A device without hardware: its tensors hold their numbers on the host, and are not to be mixed with the host's.

PyTorch takes them for tensors of the meta device, which every build knows. What a GPU refuses is refused: operations
on tensors of both, other than copies, indices and single numbers.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.autograd.graph import _engine_run_backward
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = "meta"
_MAY_MIX = ("copy_", "index", "index_put", "index_put_", "_index_put_impl_")


class EmulatedTensor(Tensor):
    """A tensor of the emulated device with its numbers, on the host, as ``held``."""

    is_meta = property(lambda self: False)
    __torch_function__ = torch._C._disabled_torch_function_impl
    refused: tuple[torch.dtype, ...] = ()
    """Types that the device does not have."""

    @staticmethod
    def __new__(cls, held: Tensor) -> Tensor:
        if held.dtype in cls.refused:
            raise TypeError(f"Cannot make a tensor of {held.dtype} on this device")
        return torch.Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype,
            device=DEVICE,
        )  # fmt: skip

    def __init__(self, held: Tensor) -> None:
        self.held = held

    def __repr__(self) -> str:
        return f"EmulatedTensor({self.held})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _is_far(device: object) -> bool:
    return device is not None and torch.device(device).type == DEVICE


def _held(value: object) -> object:
    return value.held if isinstance(value, EmulatedTensor) else value


def _run(func, args, kwargs):
    """The operation on the numbers of its arguments; its result is on the device that a GPU would leave it on."""
    name = func.overloadpacket.__name__
    given = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
    far = any(isinstance(value, EmulatedTensor) for value in given)
    if far and name not in _MAY_MIX and any(value.dim() and not isinstance(value, EmulatedTensor) for value in given):
        raise RuntimeError(f"{name}: expected tensors on one device, got two; shapes {[list(x.shape) for x in given]}")
    asked = kwargs.get("device")
    plain = tree_map(_held, kwargs) | ({} if asked is None else {"device": "cpu"})
    with _disable_current_modes():
        found = func(*tree_map(_held, args), **plain)
    if far:
        _check_copied_out(found)
    if name.endswith("_") and not name.endswith("__"):
        return args[0]
    if "out" in kwargs:
        return kwargs["out"]
    if not (far if asked is None else _is_far(asked)):
        return found
    return tree_map(lambda value: EmulatedTensor(value) if isinstance(value, Tensor) else value, found)


def _check_copied_out(found: object) -> None:
    """Refuse copies to the host in a type that the device does not have, as values are converted before they leave."""
    for value in tree_leaves(found):
        if isinstance(value, Tensor) and value.numel() and value.dtype in EmulatedTensor.refused:
            raise TypeError(f"Cannot convert a tensor to {value.dtype} on this device")


class _Operations(TorchDispatchMode):
    """Takes operations that make tensors of the device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


class _Functions(TorchFunctionMode):
    """Takes what PyTorch does to meta tensors before any operation."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.new_tensor:
            kwargs = {"dtype": args[0].dtype, "device": args[0].device} | kwargs
            func, args = torch.tensor, args[1:]
        if func is torch.as_tensor and isinstance(args[0], Tensor):
            return args[0].to(**kwargs)
        if func in (torch.tensor, torch.as_tensor) and _is_far(kwargs.get("device")):
            del kwargs["device"]
            return func(*tree_map(_held, args), **kwargs).to(DEVICE)
        if not args or not isinstance(args[0], EmulatedTensor):
            return func(*args, **kwargs)
        if func is torch.Tensor.tolist:
            return args[0].cpu().tolist()
        if func is torch.Tensor.backward:
            with self:  # which is off while it handles a function
                one = (torch.ones_like(args[0]),)
                return _engine_run_backward(args, one, False, False, (), allow_unreachable=True, accumulate_grad=True)
        if func is torch.unravel_index:
            return tuple(EmulatedTensor(one) for one in func(args[0].held, *args[1:], **kwargs))
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            args = (args[0], _with_tensors(args[1]), *args[2:])
        return func(*args, **kwargs)


def _with_tensors(index: object) -> object:
    """An index with tensors in the place of lists."""
    if isinstance(index, tuple):
        return tuple(_with_tensors(one) for one in index)
    return torch.tensor(index).to(DEVICE) if isinstance(index, (list, range)) else index


@contextmanager
def emulated_device(double: bool = True) -> Iterator[str]:
    """Within the block, tensors can be sent to the device that it gives; without ``double`` none of float64."""
    EmulatedTensor.refused = () if double else (torch.float64, torch.complex128)
    try:
        with _Operations(), _Functions():
            yield DEVICE
    finally:
        EmulatedTensor.refused = ()
