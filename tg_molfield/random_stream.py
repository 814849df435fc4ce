"""torch's global random generators, lent to one computation at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_LOCK = threading.RLock()


class RandomStream:
    """Random numbers of a computation of its own, for code that draws from torch's global generators.

    Within :meth:`active` these start from ``seed`` and later go on where they were left; outside it, it is as if
    nothing had been drawn. Streams of several threads wait for each other, so that none disturbs another.

    Args:
        seed: of the stream.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._states: list[Tensor] | None = None

    @contextmanager
    def active(self) -> Iterator[None]:
        """Lend the generators of the CPU and of all CUDA devices in use."""
        devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
        with _LOCK, torch.random.fork_rng(devices):
            if self._states is None or len(self._states) != 1 + len(devices):
                torch.manual_seed(self._seed)
            else:
                torch.set_rng_state(self._states[0])
                for device, state in zip(devices, self._states[1:], strict=True):
                    torch.cuda.set_rng_state(state, device)
            try:
                yield
            finally:
                self._states = [torch.get_rng_state(), *map(torch.cuda.get_rng_state, devices)]
