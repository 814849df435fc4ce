"""What an emulated device is asked to do: the operations that a `TorchDispatchMode` sees."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_NAMES = ("_local_scalar_dense", "nonzero", "masked_select", "unique_consecutive", "_unique2", "bincount")


def waits(func, args):
    """Whether an operation makes the host wait: it gives a number, or a result whose size depends on numbers."""
    name = func.overloadpacket.__name__
    indices = args[1] if name in ("index", "index_put", "index_put_") else ()
    return name in _NAMES or any(x is not None and x.dtype in (torch.bool, torch.uint8) for x in indices)


class Operations(TorchDispatchMode):
    """Counts all operations, and those for which the host waits."""

    def __init__(self):
        super().__init__()
        self.number = self.waits = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.number += 1
        self.waits += waits(func, args)
        return func(*args, **(kwargs or {}))
