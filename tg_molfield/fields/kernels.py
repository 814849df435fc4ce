"""Radial kernels φ(u), u = d/σ: the shape of one centre's contribution to a field."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor


@dataclass(frozen=True)
class Kernel(ABC):
    """A radial kernel, given as a function of s = u² = d²/σ² so that it is smooth where d = 0.

    Every kernel is 1 at its centre unless its docstring says otherwise, and compares by value.
    """

    name: ClassVar[str]

    @abstractmethod
    def value(self, s: Tensor) -> Tensor:
        """φ as a function of the squared scaled distance ``s``, of any shape."""

    @abstractmethod
    def derivative(self, s: Tensor) -> Tensor:
        """dφ/ds, of the shape of ``s``."""

    @abstractmethod
    def reach(self, tolerance: float) -> float:
        """The scaled distance u beyond which φ stays below ``tolerance``; infinite where there is none in use."""


def _root(s: Tensor) -> Tensor:
    return s.clamp_min(torch.finfo(s.dtype).tiny).sqrt()


class Gaussian(Kernel):
    """φ = exp(−u²/2)."""

    name = "gaussian"

    def value(self, s: Tensor) -> Tensor:
        return torch.exp(-0.5 * s)

    def derivative(self, s: Tensor) -> Tensor:
        return -0.5 * torch.exp(-0.5 * s)

    def reach(self, tolerance: float) -> float:
        return math.sqrt(-2.0 * math.log(tolerance))


class Slater(Kernel):
    """φ = exp(−u), the exponential; its gradient at the centre, a cusp, is taken as zero."""

    name = "slater"

    def value(self, s: Tensor) -> Tensor:
        return torch.exp(-_root(s))

    def derivative(self, s: Tensor) -> Tensor:
        u = _root(s)
        return torch.where(s > 0, -0.5 * torch.exp(-u) / u, torch.zeros_like(s))

    def reach(self, tolerance: float) -> float:
        return -math.log(tolerance)


class WendlandC2(Kernel):
    """φ = (1 − u)⁴ (4u + 1) for u < 1, else 0 (Wendland 1995): compact, twice differentiable."""

    name = "wendland_c2"

    def value(self, s: Tensor) -> Tensor:
        u = _root(s)
        return (1 - u).clamp_min(0) ** 4 * (4 * u + 1)

    def derivative(self, s: Tensor) -> Tensor:
        return -10 * (1 - _root(s)).clamp_min(0) ** 3

    def reach(self, tolerance: float) -> float:
        return 1.0


class WendlandC4(Kernel):
    """φ = (1 − u)⁶ (35u² + 18u + 3)/3 for u < 1, else 0 (Wendland 1995): compact, four times differentiable."""

    name = "wendland_c4"

    def value(self, s: Tensor) -> Tensor:
        u = _root(s)
        return (1 - u).clamp_min(0) ** 6 * (35 * s + 18 * u + 3) / 3

    def derivative(self, s: Tensor) -> Tensor:
        u = _root(s)
        return -(28 / 3) * (1 - u).clamp_min(0) ** 5 * (5 * u + 1)

    def reach(self, tolerance: float) -> float:
        return 1.0


class InverseMultiquadric(Kernel):
    """φ = 1/√(1 + u²): decays like 1/u, so it is never cut off and cannot be periodic."""

    name = "inverse_multiquadric"

    def value(self, s: Tensor) -> Tensor:
        return torch.rsqrt(1 + s)

    def derivative(self, s: Tensor) -> Tensor:
        return -0.5 * (1 + s) ** -1.5

    def reach(self, tolerance: float) -> float:
        return math.inf


KERNELS: dict[str, Kernel] = {
    kernel.name: kernel for kernel in (Gaussian(), Slater(), WendlandC2(), WendlandC4(), InverseMultiquadric())
}


def get_kernel(kernel: str | Kernel) -> Kernel:
    """The kernel of that name; a `Kernel` is returned as it is.

    Raises:
        ValueError: there is no kernel of that name.
    """
    if isinstance(kernel, Kernel):
        return kernel
    if kernel not in KERNELS:
        raise ValueError(f"kernel={kernel!r}: no such kernel; choose from {', '.join(KERNELS)} or give a Kernel")
    return KERNELS[kernel]
