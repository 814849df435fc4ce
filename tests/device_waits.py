"""Operations that make the host wait for a device: they give numbers, or results whose sizes depend on numbers."""

import torch

_NAMES = ("_local_scalar_dense", "nonzero", "masked_select", "unique_consecutive", "_unique2", "bincount")


def waits(func, args):
    """Whether the operation that a `TorchDispatchMode` is given waits."""
    name = func.overloadpacket.__name__
    indices = args[1] if name in ("index", "index_put", "index_put_") else ()
    return name in _NAMES or any(x is not None and x.dtype in (torch.bool, torch.uint8) for x in indices)
