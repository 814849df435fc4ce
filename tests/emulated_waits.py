"""How often the host would wait for an emulated device."""

from collections.abc import Callable

from device_operations import waits
from emulated_device import EmulatedTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_CHECK_NUMBERS = ("equal", "_linalg_eigh", "_linalg_svd")


class _Waits(TorchDispatchMode):
    """Counts looks at numbers of the device, results whose size depends on them, and copies from and to it."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        if name in ("_to_copy", "copy_"):
            source, target = (isinstance(one, EmulatedTensor) for one in (args[name == "copy_"], found))
            queued = target and kwargs.get("non_blocking", False)
            self.number += args[name == "copy_"].numel() > 0 and source != target and not queued
        elif any(isinstance(value, EmulatedTensor) for value in tree_leaves((args, kwargs))):
            unknown = name == "repeat_interleave" and kwargs.get("output_size") is None
            self.number += unknown or name in _CHECK_NUMBERS or waits(func, args)
        return found


def number_of_waits(run: Callable[[], object]) -> int:
    """Of a call that follows another, which fills the tables that are kept."""
    run()
    with _Waits() as counted:
        run()
    return counted.number
