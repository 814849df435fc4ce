"""Whose numbers are looked at: to see those of a device, the host would have to wait for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

from tg_molfield.devices import is_on_host

_ON_DEVICES: ContextVar[bool] = ContextVar("numbers on devices are looked at", default=False)


def numbers_are_checked(tensor: Tensor) -> bool:
    """Whether the numbers of a tensor are looked at: on the host, and elsewhere within `checked_on_devices`."""
    return is_on_host(tensor) or _ON_DEVICES.get()


@contextmanager
def checked_on_devices() -> Iterator[None]:
    """Look at the numbers of tensors on devices, too, within the block, as at those on the host.

    Atoms, fields and query points on the CPU are always checked. On a GPU types and shapes alone are, since each look
    at a number makes the host wait for the device: NaN then gives NaN, atomic numbers of no element give NaN, and batch
    vectors must be sorted and in range. Use the block to find out where NaN comes from.

        with checked_on_devices():
            field = mol_field(batch)
    """
    before = _ON_DEVICES.set(True)
    try:
        yield
    finally:
        _ON_DEVICES.reset(before)
