"""Places and weights of Gaussians of known width, refined by damped Gauss–Newton steps.

The steps are solved by conjugate gradients, preconditioned by the 4 × 4 block of each function; the derivatives form a
sparse matrix over the nodes around each function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from tg_molfield.inverse.lattice import Lattice
from tg_molfield.inverse.solvers import ConstantFactors, conjugate_gradients, damped_least_squares

_LARGEST_MOVE = 0.5
_SMALLEST_WEIGHT = 0.05
_ACCURACY = 1e-2
_CONJUGATE_STEPS = 60
_GAIN = 2e-2


@dataclass(frozen=True)
class Mixture:
    """Gaussians of one width: ``pos`` [N, 3] in Å in the lattice's coordinates, ``weights`` [N], all float64."""

    pos: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Prior:
    """The functions are expected to have weight ``unit``: ``strength`` · Σ (w − unit)² is added to the squares."""

    unit: float
    strength: float


def residual(lattice: Lattice, mixture: Mixture, width: float) -> Tensor:
    """The samples minus a mixture [nx, ny, nz]."""
    index, values, _ = lattice.gaussians_around(mixture.pos, width)
    return lattice.values - _spread(index, values * mixture.weights[:, None], lattice)


def refine(
    lattice: Lattice, mixture: Mixture, width: float, prior: Prior, steps: int = 6, seen: Tensor | None = None
) -> Mixture:
    """The mixture after at most ``steps`` damped Gauss–Newton steps.

    Args:
        lattice: the samples.
        mixture: where to start.
        width: of the Gaussians in Å.
        prior: of the weights.
        steps: the most steps, rejected ones included.
        seen: which nodes count [nx, ny, nz]; all if not given.
    """
    if not len(mixture.pos):
        return mixture

    def attempt(state: _State, damping: float) -> tuple[_State, float]:
        move = state.step(damping)
        places = move[:, :3] * (_LARGEST_MOVE / move[:, :3].norm(dim=1, keepdim=True).clamp_min(_LARGEST_MOVE))
        weights = (state.mixture.weights + move[:, 3]).clamp_min(_SMALLEST_WEIGHT * prior.unit)
        moved = Mixture(state.mixture.pos + width * places, weights)
        return _State(lattice, moved, width, prior, seen), max(state.cost, 1e-300)

    start, damping = _State(lattice, mixture, width, prior, seen), ConstantFactors(1e-2, down=5)
    state, _, _ = damped_least_squares(start, attempt, damping, steps, _gains_little)
    return state.mixture


def _gains_little(before: _State, after: _State) -> bool:
    return after.cost > (1 - _GAIN) * before.cost


class _State:
    """A mixture, its residual and its cost; the linear model around it is made when a step is asked for."""

    def __init__(
        self, lattice: Lattice, mixture: Mixture, width: float, prior: Prior, seen: Tensor | None = None
    ) -> None:
        self.mixture, self._prior, self._size = mixture, prior, lattice.values.numel()
        self._index, self._values, self._apart = lattice.gaussians_around(mixture.pos, width)
        rest = lattice.values - _spread(self._index, self._values * mixture.weights[:, None], lattice)
        self._rest = rest.flatten()
        if seen is not None:
            self._rest = self._rest * seen.flatten()
            self._values = self._values * seen.flatten()[self._index]
        surplus = mixture.weights - prior.unit
        self.cost = float(self._rest.square().sum() + prior.strength * surplus.square().sum())

    def step(self, damping: float) -> Tensor:
        """The move [N, 4]: of the places in widths, then of the weights."""
        n, (unit, strength) = len(self.mixture.pos), (self._prior.unit, self._prior.strength)
        slopes = self._apart * (self._values * self.mixture.weights[:, None])[:, None]
        rows = torch.cat([slopes, self._values[:, None]], 1)
        blocks = rows @ rows.mT
        blocks[:, 3, 3] += strength
        diagonal = blocks.diagonal(dim1=1, dim2=2)
        added = damping * diagonal + 1e-9 * diagonal.mean(0)
        inverse = torch.linalg.inv(blocks + torch.diag_embed(added)).numpy()
        added = added.clone()
        added[:, 3] += strength
        extra, matrix = added.numpy().ravel(), self._matrix(rows)
        transposed = matrix.T
        descent = (matrix @ self._rest.numpy()).reshape(n, 4)
        descent[:, 3] += strength * (unit - self.mixture.weights.numpy())

        def normal(x: Any) -> Any:
            return matrix @ (transposed @ x) + extra * x

        def precondition(x: Any) -> Any:
            return np.einsum("nij,nj->ni", inverse, x.reshape(n, 4)).ravel()

        move = conjugate_gradients(normal, precondition, descent.ravel(), _ACCURACY, _CONJUGATE_STEPS)
        return torch.from_numpy(move).view(n, 4)

    def _matrix(self, rows: Tensor) -> Any:
        n, parameters, nodes = rows.shape
        columns = self._index[:, None].expand(-1, parameters, -1).reshape(-1).to(torch.int32)
        starts = np.arange(0, n * parameters * nodes + 1, nodes)
        return csr_matrix((rows.reshape(-1).numpy(), columns.numpy(), starts), shape=(n * parameters, self._size))


def _spread(index: Tensor, values: Tensor, lattice: Lattice) -> Tensor:
    total = torch.zeros(lattice.values.numel(), dtype=torch.float64)
    return total.index_add_(0, index.flatten(), values.flatten()).view(lattice.values.shape)
