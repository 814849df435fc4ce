"""Positions of equal functions, refined by damped Gauss–Newton steps that are solved by conjugate gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.fields import Kernel
from tg_molfield.inverse.lattice import Lattice
from tg_molfield.inverse.solvers import ConstantFactors, conjugate_gradients, damped_least_squares

_TAIL = 1e-5
_NODES_OF_REACH = 8
_CONJUGATE_STEPS = 40
_ACCURACY = 1e-3
_SETTLED = 1e-3
_LARGEST_MOVE = 0.5


@dataclass(frozen=True)
class ChannelAtoms:
    """Atoms of one channel: ``pos`` [N, 3] in Å, and the ``scale`` common to them."""

    pos: Tensor
    scale: float


def core_radius(kernel: Kernel, width: float) -> float:
    """The distance in Å at which φ has fallen to e^(−1/2) of its largest value: σ of a Gaussian.

    Raises:
        ValueError: φ has no slope, so positions cannot be refined, or no reach.
    """
    if not math.isfinite(kernel.reach(_TAIL)):
        raise ValueError(f"kernel: expected one of finite reach, got {kernel.name!r}; choose one that decays")
    u = torch.linspace(0, 8, 1601, dtype=torch.float64)
    if not bool(kernel.derivative(u.square()).any()):
        raise ValueError(f"kernel: expected one with a slope, got {kernel.name!r}; choose a smooth kernel")
    values = kernel.value(u.square())
    low = u[(values <= math.exp(-0.5) * values.max()) & (u > u[values.argmax()])]
    return width * float(low[0] if len(low) else u[-1])


def fair_spacing(kernel: Kernel, width: float) -> float:
    """The spacing of nodes in Å that suffices for refinement: the core, or more where φ has a long tail."""
    return max(core_radius(kernel, width), width * kernel.reach(_TAIL) / _NODES_OF_REACH)


class Model:
    """scale · Σ_i φ(|x − r_i|/σ) on a lattice.

    Args:
        lattice: the samples.
        kernel: φ.
        width: σ in Å.

    Attributes:
        core: the distance in Å at which φ has fallen to e^(−1/2).
    """

    def __init__(self, lattice: Lattice, kernel: Kernel, width: float) -> None:
        self.lattice, self.kernel, self.width = lattice, kernel, width
        self.target = lattice.values.flatten()
        self.size = float(self.target.norm())
        self.core = core_radius(kernel, width)
        self._radius = kernel.reach(_TAIL) * width

    @property
    def norm_of_one(self) -> float:
        """The sum of φ² over the nodes around an atom at a node in the middle."""
        node = torch.tensor([[n // 2 for n in self.lattice.values.shape]], device=self.target.device)
        _, values, _ = self._functions(self.lattice.positions(node), slopes=False)
        return float(values.square().sum())

    def residual(self, atoms: ChannelAtoms) -> Tensor:
        """The samples minus the atoms [nx, ny, nz]."""
        index, values, _ = self._functions(atoms.pos, slopes=False)
        return (self.target - atoms.scale * self._spread(index, values)).view(self.lattice.values.shape)

    def weights(self, atoms: ChannelAtoms) -> Tensor:
        """The least-squares weights [N] of the functions, in units of the scale."""
        index, values, _ = self._functions(atoms.pos, slopes=False)
        diagonal = values.square().sum(1).clamp_min(1e-12)

        def normal(x: Tensor) -> Tensor:
            return (values * self._spread(index, values * x[:, None])[index]).sum(1)

        return _solved(normal, (values * self.target[index]).sum(1), diagonal) / atoms.scale

    def refined(self, atoms: ChannelAtoms, fit_scale: bool, steps: int, tolerance: float = 1e-5) -> ChannelAtoms:
        """The atoms after damped Gauss–Newton steps.

        Args:
            atoms: where to start.
            fit_scale: whether to refine the common scale too.
            steps: the most steps.
            tolerance: stop where no atom moves by more than this fraction of the core, or the residual hardly falls.
        """

        def attempt(state: _State, damping: float) -> tuple[_State, float]:
            move, growth = self._step(state, damping, fit_scale)
            largest = float(move.norm(dim=1).max())
            move = move * min(1.0, _LARGEST_MOVE * self.core / max(largest, 1e-300))
            moved = ChannelAtoms(state.atoms.pos + move, state.atoms.scale * growth)
            return self._linearized(moved), max(state.cost, 1e-300)

        def is_settled(before: _State, after: _State) -> bool:
            largest = float((after.atoms.pos - before.atoms.pos).norm(dim=1).max())
            return largest < tolerance * self.core or before.cost - after.cost < _SETTLED * after.cost

        damping = ConstantFactors(1e-3, down=10, largest=1e3)
        return damped_least_squares(self._linearized(atoms), attempt, damping, steps, is_settled)[0].atoms

    def _step(self, state: _State, damping: float, fit_scale: bool) -> tuple[Tensor, float]:
        scale, index, slopes = state.atoms.scale, state.index, state.slopes
        n = len(slopes)
        diagonal = (scale**2 * slopes.square().sum(1)).flatten()
        descent = (scale * torch.einsum("ns,nsx->nx", state.rest[index], slopes)).flatten()
        if fit_scale:
            diagonal = torch.cat([diagonal, state.image.square().sum()[None]])
            descent = torch.cat([descent, (state.image @ state.rest)[None]])
        diagonal = diagonal.clamp_min(1e-9 * float(diagonal.max()) + 1e-300)

        def normal(x: Tensor) -> Tensor:
            moves = x[: 3 * n].view(n, 3)
            change = self._spread(index, scale * torch.einsum("nsx,nx->ns", slopes, moves))
            if fit_scale:
                change = change + x[-1] * state.image
            back = (scale * torch.einsum("ns,nsx->nx", change[index], slopes)).flatten()
            if fit_scale:
                back = torch.cat([back, (state.image @ change)[None]])
            return back + damping * diagonal * x

        found = _solved(normal, descent, diagonal * (1 + damping))
        growth = 1 + float(found[-1].clamp(-0.5, 1.0)) if fit_scale else 1.0
        return found[: 3 * n].view(n, 3), growth

    def _linearized(self, atoms: ChannelAtoms) -> _State:
        index, values, slopes = self._functions(atoms.pos, slopes=True)
        image = atoms.scale * self._spread(index, values)
        rest = self.target - image
        return _State(atoms, index, slopes, image, rest, float(rest.square().sum()))

    def _functions(self, pos: Tensor, slopes: bool) -> tuple[Tensor, Tensor, Tensor]:
        index, near, difference = self.lattice.around(pos, self._radius)
        s = difference.square().sum(2) / self.width**2
        values = self.kernel.value(s) * near
        if not slopes:
            return index, values, difference
        slope = (-2 / self.width**2) * self.kernel.derivative(s) * near
        return index, values, slope[..., None] * difference

    def _spread(self, index: Tensor, values: Tensor) -> Tensor:
        return torch.zeros_like(self.target).index_add_(0, index.flatten(), values.flatten())


@dataclass(frozen=True)
class _State:
    """Atoms, the nodes [N, S] near them, the slopes of φ there [N, S, 3], the model, what it leaves, and its square."""

    atoms: ChannelAtoms
    index: Tensor
    slopes: Tensor
    image: Tensor
    rest: Tensor
    cost: float


def _solved(normal: Callable[[Tensor], Tensor], target: Tensor, diagonal: Tensor) -> Tensor:
    return conjugate_gradients(normal, lambda rest: rest / diagonal, target, _ACCURACY, _CONJUGATE_STEPS)
