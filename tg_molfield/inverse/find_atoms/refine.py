"""Positions of equal functions, refined by damped Gauss–Newton steps that are solved by conjugate gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from tg_molfield.fields import Kernel
from tg_molfield.inverse.find_atoms.functions import Functions, ScatteredFunctions
from tg_molfield.inverse.find_atoms.gaussians import SeparableGaussians, factorises
from tg_molfield.inverse.lattice import Lattice
from tg_molfield.inverse.solvers import ConstantFactors, conjugate_gradients, damped_least_squares

_TAIL = 1e-5
_NODES_OF_REACH = 8
_CONJUGATE_STEPS = 40
_ACCURACY = 1e-3
_SETTLED = 1e-3
_LARGEST_MOVE = 0.5
_MANY = 200
"""The number of atoms from which a few may still move."""
_FEW = 0.05
"""The part of many atoms that is few."""
_AT_REST = 1e-3
"""How far in cores the others may move in the last step then."""


@dataclass(frozen=True)
class ChannelAtoms:
    """Atoms of one channel: ``pos`` [N, 3] in Å, and the ``scale`` common to them."""

    pos: Tensor
    scale: float

    @property
    def least_distance(self) -> float:
        """The distance of the closest pair in Å; infinite for fewer than two atoms."""
        if len(self.pos) < 2:
            return math.inf
        places = self.pos.cpu().numpy()
        return float(cKDTree(places).query(places, k=2)[0][:, 1].min())


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
        radius: the distance in Å at which φ ends.
    """

    def __init__(self, lattice: Lattice, kernel: Kernel, width: float) -> None:
        self.lattice, self.kernel, self.width = lattice, kernel, width
        self.target = lattice.values.flatten()
        self.size = float(self.target.norm())
        self.core = core_radius(kernel, width)
        self.radius = kernel.reach(_TAIL) * width
        self._factorises = factorises(lattice, kernel, width)

    @property
    def norm_of_one(self) -> float:
        """The sum of φ² over the nodes around an atom at a node in the middle."""
        node = torch.tensor([[n // 2 for n in self.lattice.values.shape]], device=self.target.device)
        return float(self._functions(self.lattice.positions(node)).squares())

    def residual(self, atoms: ChannelAtoms) -> Tensor:
        """The samples minus the atoms [nx, ny, nz]."""
        return self._linearized(atoms).rest.view(self.lattice.values.shape)

    def misfit(self, atoms: ChannelAtoms, residual: Tensor) -> Tensor:
        """The squared residual [nx, ny, nz] around each atom, weighted by its function, [N]."""
        return self._functions(atoms.pos).products(residual.square().flatten())

    def weights(self, atoms: ChannelAtoms) -> Tensor:
        """The least-squares weights [N] of the functions, in units of the scale."""
        functions = self._functions(atoms.pos)
        diagonal = functions.squares().clamp_min(1e-12)

        def normal(x: Tensor) -> Tensor:
            return functions.products(functions.sum(x))

        return _solved(normal, functions.products(self.target), diagonal) / atoms.scale

    def refined(
        self,
        atoms: ChannelAtoms,
        fit_scale: bool,
        steps: int,
        tolerance: float = 1e-5,
        explained: float | None = None,
    ) -> ChannelAtoms:
        """The atoms after damped Gauss–Newton steps.

        Args:
            atoms: where to start.
            fit_scale: whether to refine the common scale too.
            steps: the most steps.
            tolerance: stop where no atom moves by more than this fraction of the core, or the residual hardly falls.
            explained: if given, stop also where all but few of many atoms are at rest while the relative residual
                exceeds this: there, other atoms are needed, not more steps.
        """
        few = int(_FEW * len(atoms.pos)) if len(atoms.pos) >= _MANY else 0
        unexplained = math.inf if explained is None else (explained * self.size) ** 2

        def attempt(state: _State, damping: float) -> tuple[_State, float]:
            move, growth = self._step(state, damping, fit_scale)
            length = move.norm(dim=1, keepdim=True).clamp_min(1e-300)
            move = move * (_LARGEST_MOVE * self.core / length).clamp_max(1.0)
            moved = ChannelAtoms(state.atoms.pos + move, state.atoms.scale * growth)
            return self._linearized(moved), max(state.cost, 1e-300)

        def is_settled(before: _State, after: _State) -> bool:
            moved = (after.atoms.pos - before.atoms.pos).norm(dim=1) / self.core
            if float(moved.max()) < tolerance or before.cost - after.cost < _SETTLED * after.cost:
                return True
            return after.cost > unexplained and int((moved > _AT_REST).sum()) <= few

        damping = ConstantFactors(1e-3, down=10, largest=1e3)
        return damped_least_squares(self._linearized(atoms), attempt, damping, steps, is_settled)[0].atoms

    def _step(self, state: _State, damping: float, fit_scale: bool) -> tuple[Tensor, float]:
        scale, functions, n = state.atoms.scale, state.functions, len(state.atoms.pos)
        diagonal = (scale**2 * functions.slope_squares()).flatten()
        descent = (scale * functions.slope_products(state.rest)).flatten()
        border = torch.zeros(0)
        if fit_scale:
            image = self.target - state.rest
            border = (scale * functions.slope_products(image)).flatten()
            diagonal = torch.cat([diagonal, (image @ image)[None]])
            descent = torch.cat([descent, (image @ state.rest)[None]])
        last = diagonal[-1]
        diagonal = diagonal.clamp_min(1e-9 * float(diagonal.max()) + 1e-300)

        def normal(x: Tensor) -> Tensor:
            moves = x[: 3 * n]
            back = scale**2 * functions.curvature(moves.view(n, 3)).flatten()
            if fit_scale:
                back = torch.cat([back + x[-1] * border, (border @ moves + last * x[-1])[None]])
            return back + damping * diagonal * x

        found = _solved(normal, descent, diagonal * (1 + damping))
        growth = 1 + float(found[-1].clamp(-0.5, 1.0)) if fit_scale else 1.0
        return found[: 3 * n].view(n, 3), growth

    def _linearized(self, atoms: ChannelAtoms) -> _State:
        functions = self._functions(atoms.pos)
        rest = functions.sum().mul_(-atoms.scale).add_(self.target)
        return _State(atoms, functions, rest, float(rest @ rest))

    def _functions(self, pos: Tensor) -> Functions:
        if self._factorises:
            return SeparableGaussians(self.lattice, self.width, pos, self.radius)
        return ScatteredFunctions(self.lattice, self.kernel, self.width, pos, self.radius)


@dataclass(frozen=True)
class _State:
    """Atoms, their functions, what these leave of the samples, and its square."""

    atoms: ChannelAtoms
    functions: Functions
    rest: Tensor
    cost: float


def _solved(normal: Callable[[Tensor], Tensor], target: Tensor, diagonal: Tensor) -> Tensor:
    return conjugate_gradients(normal, lambda rest: rest / diagonal, target, _ACCURACY, _CONJUGATE_STEPS)
