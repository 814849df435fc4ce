"""Radial kernels φ(u), u = d/σ: the shape of one centre's contribution to a field."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tg_molfield.arguments import check_choice, check_kind, check_number, check_positive
from tg_molfield.fields.cards import kernel_card


class Kernel(ABC):
    """A radial kernel, given as a function of s = u² = d²/σ² so that it is smooth where d = 0.

    Every kernel is 1 at its centre unless its docstring says otherwise, and compares by value.
    """

    name: str

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).items()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def _repr_html_(self) -> str:
        return kernel_card(self)

    @abstractmethod
    def value(self, s: Tensor) -> Tensor:
        """φ as a function of the squared scaled distance ``s``, of any shape."""

    def derivative(self, s: Tensor) -> Tensor:
        """dφ/ds, of the shape of ``s``."""
        return _slope(self.value, s)

    def second_derivative(self, s: Tensor) -> Tensor:
        """d²φ/ds², of the shape of ``s``."""
        return _slope(self.derivative, s)

    @abstractmethod
    def reach(self, tolerance: float) -> float:
        """The scaled distance u beyond which φ stays below ``tolerance``; infinite for kernels never cut off."""


def leaf(x: Tensor) -> Tensor:
    """``x`` itself if it requires gradients, else a leaf tensor of its values that does.

    Call it outside inference mode, whose tensors autograd cannot track.
    """
    if x.is_inference():
        return x.clone().requires_grad_()
    return x if x.requires_grad else x.detach().requires_grad_()


def _slope(function: Callable[[Tensor], Tensor], s: Tensor) -> Tensor:
    with torch.inference_mode(False), torch.enable_grad():
        at = leaf(s)
        value = function(at)
        if not value.requires_grad:
            return torch.zeros_like(s)
        (slope,) = torch.autograd.grad(value.sum(), at, create_graph=True, allow_unused=True)
    slope = torch.zeros_like(s) if slope is None else slope
    return slope if s.requires_grad else slope.detach()


def _root(s: Tensor) -> Tensor:
    return s.clamp_min(torch.finfo(s.dtype).tiny).sqrt()


def _decay(tolerance: float) -> float:
    """The t from which exp(−t) is at most ``tolerance``."""
    check_positive("tolerance", tolerance, "1e-6 is usual")
    return max(0.0, -math.log(tolerance))


class Gaussian(Kernel):
    """φ = exp(−u²/2)."""

    name = "gaussian"

    def value(self, s: Tensor) -> Tensor:
        return torch.exp(-0.5 * s)

    def derivative(self, s: Tensor) -> Tensor:
        return -0.5 * torch.exp(-0.5 * s)

    def second_derivative(self, s: Tensor) -> Tensor:
        return 0.25 * torch.exp(-0.5 * s)

    def reach(self, tolerance: float) -> float:
        return math.sqrt(2.0 * _decay(tolerance))


class Slater(Kernel):
    """φ = exp(−u), the exponential; its gradient at the cusp in the centre is taken as zero."""

    name = "slater"

    def value(self, s: Tensor) -> Tensor:
        return torch.exp(-_root(s))

    def derivative(self, s: Tensor) -> Tensor:
        u = _root(s)
        return torch.where(s > 0, -0.5 * torch.exp(-u) / u, torch.zeros_like(s))

    def reach(self, tolerance: float) -> float:
        return _decay(tolerance)


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


class Coulomb(Kernel):
    """φ = erf(u/√2)/u: σ times the potential of a Gaussian unit charge of width σ, which is σ/d beyond several σ.

    It is √(2/π) at its centre. Never cut off, never periodic.
    """

    name = "coulomb"

    def value(self, s: Tensor) -> Tensor:
        far = s > _SERIES
        u = torch.where(far, s, torch.ones_like(s)).sqrt()
        near = torch.where(far, torch.zeros_like(s), s)
        series = 1 - near / 6 + near**2 / 40 - near**3 / 336 + near**4 / 3456 - near**5 / 42240
        return torch.where(far, torch.erf(u / math.sqrt(2)) / u, math.sqrt(2 / math.pi) * series)

    def derivative(self, s: Tensor) -> Tensor:
        far = s > _SERIES
        t = torch.where(far, s, torch.ones_like(s))
        near = torch.where(far, torch.zeros_like(s), s)
        series = -1 / 6 + near / 20 - near**2 / 112 + near**3 / 864 - near**4 / 8448
        exact = (math.sqrt(2 / math.pi) * torch.exp(-t / 2) - torch.erf((t / 2).sqrt()) / t.sqrt()) / (2 * t)
        return torch.where(far, exact, math.sqrt(2 / math.pi) * series)

    def reach(self, tolerance: float) -> float:
        return math.inf


class GaussianWithTail(Kernel):
    """φ = exp(−2u²) for u ≤ 1, e⁻²(2u − 3)² for 1 < u < 1.5, else 0: the density of libmolgrid.

    Source: Sunseri and Koes, "libmolgrid" (2020), with its default Gaussian radius multiple of 1; σ is the radius.
    """

    name = "gaussian_with_tail"

    def value(self, s: Tensor) -> Tensor:
        u = _root(s)
        tail = math.exp(-2) * (3 - 2 * u).clamp_min(0) ** 2
        return torch.where(s <= 1, torch.exp(-2 * s), tail)

    def derivative(self, s: Tensor) -> Tensor:
        u = _root(s).clamp_min(0.5)
        tail = -2 * math.exp(-2) * (3 - 2 * u).clamp_min(0) / u
        return torch.where(s <= 1, -2 * torch.exp(-2 * s), tail)

    def reach(self, tolerance: float) -> float:
        return 1.5


class HardSphere(Kernel):
    """φ = 1 for u < 1, else 0: the binary density of libmolgrid. Its gradient is taken as 0."""

    name = "hard_sphere"

    def value(self, s: Tensor) -> Tensor:
        inside = (s < 1).to(s.dtype)
        return inside + 0 * s.clamp_max(1) if s.requires_grad else inside

    def derivative(self, s: Tensor) -> Tensor:
        return torch.zeros_like(s)

    def second_derivative(self, s: Tensor) -> Tensor:
        return torch.zeros_like(s)

    def reach(self, tolerance: float) -> float:
        return 1.0


class Occupancy(Kernel):
    """φ = 1 − exp(−u⁻¹²), the occupancy of moleculekit (Jiménez et al. 2017, DeepSite); σ is the radius."""

    name = "occupancy"

    def value(self, s: Tensor) -> Tensor:
        return -torch.expm1(-self._power(s))

    def derivative(self, s: Tensor) -> Tensor:
        power = self._power(s)
        return torch.where(s > _CORE, -6 * power * torch.exp(-power) / s.clamp_min(_CORE), torch.zeros_like(s))

    def reach(self, tolerance: float) -> float:
        check_positive("tolerance", tolerance, "1e-6 is usual")
        return float(tolerance) ** (-1 / 12)

    @staticmethod
    def _power(s: Tensor) -> Tensor:
        return s.clamp_min(_CORE) ** -6


@dataclass(frozen=True, repr=False)
class FunctionKernel(Kernel):
    """A kernel from a function of your own.

    Args:
        function: φ as a function of u = d/σ, a differentiable function of tensors of any shape.
        radius: the u beyond which φ is 0 or negligible; infinite if there is none.
        name: shown in the repr, which is the cache key of a ``pre_transform``: give each function its own. Kernels
            are equal if function, radius and name are.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: ``radius`` is not positive, or ``function`` is a module with parameters that require gradients,
            which fields do not give.
    """

    function: Callable[[Tensor], Tensor]
    radius: float = math.inf
    name: str = "function"

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(
                f"function: expected a function of u, got {type(self.function).__name__}; give for example torch.sinc"
            )
        if isinstance(self.function, nn.Module) and any(one.requires_grad for one in self.function.parameters()):
            raise ValueError(
                "function: expected one without parameters that require gradients, which fields do not give, got a "
                f"{type(self.function).__name__}; call its requires_grad_(False)"
            )
        check_number("radius", self.radius)
        if not self.radius > 0:
            raise ValueError(f"radius: expected a positive number, got {self.radius}; leave it out if there is none")
        check_kind("name", self.name, str, "a string", "give the function a name of its own")

    def __repr__(self) -> str:
        return f"FunctionKernel({self.name}, radius={self.radius})"

    def value(self, s: Tensor) -> Tensor:
        return torch.where(s < self.radius**2, self.function(_root(s)), torch.zeros_like(s))

    def reach(self, tolerance: float) -> float:
        return self.radius


class Laplacian(Kernel):
    """4 s φ''(s) + 6 φ'(s), which is σ² times the Laplacian of φ(|x|²/σ²) in three dimensions."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.name = f"laplacian of {kernel.name}"

    def value(self, s: Tensor) -> Tensor:
        return 4 * s * self.kernel.second_derivative(s) + 6 * self.kernel.derivative(s)

    def reach(self, tolerance: float) -> float:
        return self.kernel.reach(tolerance)


_SERIES = 0.02
_CORE = 0.05

KERNELS: dict[str, Kernel] = {
    kernel.name: kernel
    for kernel in (
        Gaussian(),
        Slater(),
        WendlandC2(),
        WendlandC4(),
        InverseMultiquadric(),
        Coulomb(),
        GaussianWithTail(),
        HardSphere(),
        Occupancy(),
    )
}


def get_kernel(kernel: str | Kernel) -> Kernel:
    """The kernel of that name; a `Kernel` is returned as it is.

    Raises:
        ValueError: there is no kernel of that name.
    """
    if isinstance(kernel, Kernel):
        return kernel
    check_choice("kernel", kernel, KERNELS, "choose one or give a Kernel")
    return KERNELS[kernel]
