"""How far a kernel has to be followed for a sum over centres to be as exact as its floating-point type."""

from __future__ import annotations

import functools
import math

import torch

from tg_molfield.fields.kernels import Kernel

_TAIL = {torch.float64: 1e-13}
_TAIL_OTHERWISE = 8e-6
_STEPS = 20_000


@functools.lru_cache(maxsize=256)
def cutoff(kernel: Kernel, dtype: torch.dtype) -> float:
    """The scaled distance u = d/σ beyond which centres are left out; infinite where none may be.

    In a uniform cloud of centres, what lies beyond u is at most 8e-6 (float32) or 1e-13 (float64) of the sum.
    Centres are left out by the distance of a whole box of points, so that a point loses a quarter of that at most.
    """
    edge = kernel.reach(1e-16)
    if not math.isfinite(edge):
        return math.inf
    u = torch.linspace(0, edge, _STEPS + 1, dtype=torch.float64)
    shells = kernel.value(u.square()).abs() * u.square()
    beyond = shells.flip(0).cumsum(0).flip(0)
    kept = beyond > _TAIL.get(dtype, _TAIL_OTHERWISE) * beyond[0]
    return float(u[int(kept.sum()).__index__() if kept.any() else 0])
