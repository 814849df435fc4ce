"""Cutoffs of kernels that keep sums over centres as accurate as their floating-point type."""

from __future__ import annotations

import math

import torch

from tg_molfield.fields.kernels import Kernel

_TAIL, _LEAST = 8e-6, 2e-6
_EXACT = 1e-13
_STEPS = 20_000
_FOUND: dict[tuple[Kernel, bool], float] = {}


def cutoff(kernel: Kernel, dtype: torch.dtype) -> float:
    """The scaled distance u = d/σ beyond which centres are skipped; infinite for kernels without a cutoff.

    Beyond it φ is below 2e-6, and a uniform cloud of centres has at most 8e-6 of its sum there. A point loses about a
    quarter of that, because centres are skipped by their distance from a whole box of points. Both numbers are 1e-13
    in double precision.
    """
    key = (kernel, dtype == torch.float64)
    if key not in _FOUND:
        _FOUND[key] = _cutoff(kernel, *((_EXACT, _EXACT) if key[1] else (_TAIL, _LEAST)))
    return _FOUND[key]


def _cutoff(kernel: Kernel, tail: float, least: float) -> float:
    edge = kernel.reach(1e-16)
    if not math.isfinite(edge):
        return math.inf
    u = torch.linspace(0, edge, _STEPS + 1, dtype=torch.float64)
    shells = kernel.value(u.square()).abs() * u.square()
    beyond = shells.flip(0).cumsum(0).flip(0)
    return max(float(u[beyond >= tail * beyond[0]].amax()), kernel.reach(least))
