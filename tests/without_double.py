"""Whether calls give on a device without double precision what they give on the host, and on that device."""

from collections.abc import Callable, Iterable

import torch
from emulated_device import EmulatedTensor, emulated_device
from torch import Tensor


def check_on_device(compute: Callable[..., Iterable[Tensor | float]], *inputs, tolerance: float = 1e-5) -> None:
    """Compare what ``compute`` yields for ``inputs`` on the host with what it yields for them on such a device.

    Tensors have to be on the device they came from. ``tolerance`` is relative to the largest number of each tensor.
    """
    host = list(compute(*(one.clone() for one in inputs)))
    with emulated_device(double=False) as device:
        found = list(compute(*(one.clone().to(device) for one in inputs)))
    for far, expected in zip(found, host, strict=True):
        if isinstance(expected, Tensor):
            assert isinstance(far, EmulatedTensor)
            assert not far.is_floating_point() or far.dtype == torch.float32
            far, expected = far.detach().held.double(), expected.detach().double()
        else:
            far, expected = torch.tensor([far, expected], dtype=torch.float64)
        scale = float(expected.nan_to_num().abs().max()) if expected.numel() else 0.0
        torch.testing.assert_close(far, expected, atol=tolerance * scale, rtol=0, equal_nan=True)
