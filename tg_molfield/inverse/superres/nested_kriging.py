"""Kriging with nested covariances on an orthogonal grid, solved and judged exactly.

K = (1 − share) · S + share · L, with a Gaussian of a short range in S and of a long one in L. Both are Kronecker
products over the axes, and the generalised eigenvectors of each pair of factors diagonalise them together, so that
solving and the likelihood cost no more than for one Gaussian.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.inverse.superres.covariance import COVARIANCES, NESTED_SHARES, RANGE_RATIO
from tg_molfield.inverse.superres.kriging_weights import along_axes, gaussian

NUGGET = 1e-6
REFINED_NUGGET = 1e-4
_REFINEMENTS = 4


@dataclass(frozen=True)
class NestedKriging:
    """The factorised system of one short range on one grid, for any share.

    Args:
        turns: for each axis the matrix T with T S Tᵀ = 1 and T L Tᵀ diagonal.
        ratios: those diagonals.
        log_determinant: of S.
        factors: S and L of each axis, without the nugget.
    """

    turns: list[Tensor]
    ratios: list[Tensor]
    log_determinant: float
    factors: list[tuple[Tensor, Tensor]]

    @classmethod
    def of(
        cls,
        shape: tuple[int, ...],
        steps: Tensor,
        short: float,
        long: float | None = None,
        nugget: float = NUGGET,
    ) -> NestedKriging:
        """The system on ``shape`` nodes ``steps`` [3] Å apart.

        Args:
            shape: the number of nodes along each axis.
            steps: between them in Å.
            short: the short range in Å.
            long: the long one; the short one times `RANGE_RATIO` if not given.
            nugget: added to the diagonal of the short-range factor of each axis, whose largest value is 1.
        """
        long = RANGE_RATIO * short if long is None else long
        turns, ratios, factors, total = [], [], [], 0.0
        nodes_in_all = shape[0] * shape[1] * shape[2]
        for count, step in zip(shape, steps.tolist(), strict=True):
            nodes = torch.arange(count, dtype=torch.float64) * step
            near, far = gaussian(nodes, nodes, short), gaussian(nodes, nodes, long)
            factors.append((near, far))
            lower = torch.linalg.cholesky(near + nugget * torch.eye(count, dtype=torch.float64))
            half = torch.linalg.solve_triangular(lower, far, upper=False)
            whitened = torch.linalg.solve_triangular(lower, half.mT, upper=False)
            eigenvalues, basis = torch.linalg.eigh((whitened + whitened.mT) / 2)
            turns.append(torch.linalg.solve_triangular(lower.mT, basis, upper=True).mT)
            ratios.append(eigenvalues.clamp_min(0))
            total += 2 * float(lower.diagonal().log().sum()) * nodes_in_all / count
        return cls(turns, ratios, total, factors)

    def turned(self, values: Tensor) -> Tensor:
        """Samples [nx, ny, nz] in the basis that diagonalises the system."""
        return along_axes(values, self.turns)

    def cost(self, turned: Tensor, share: float) -> float:
        """−2 · log likelihood a node of `turned` samples, the variance left free, up to a constant."""
        diagonal = self._diagonal(share)
        mean_square = (turned.square() / diagonal).mean()
        return float(diagonal.log().mean() + mean_square.log()) + self.log_determinant / turned.numel()

    def weights(self, values: Tensor, share: float) -> Tensor:
        """The weights of the covariances at the nodes that add up to samples [..., nx, ny, nz]."""
        return along_axes(self.turned(values) / self._diagonal(share), [turn.mT for turn in self.turns])

    def exact_weights(self, values: Tensor, share: float) -> Tensor:
        """`weights` without the effect of the nugget on all that is smooth, by iterative refinement.

        What the short-range factors damp to less than the nugget stays damped, as rounding would swamp it.
        """
        total = torch.zeros_like(values)
        for _ in range(_REFINEMENTS):
            near, far = (along_axes(total, list(side)) for side in zip(*self.factors, strict=True))
            total = total + self.weights(values - (1 - share) * near - share * far, share)
        return total

    def _diagonal(self, share: float) -> Tensor:
        x, y, z = self.ratios
        return (1 - share) + share * (x[:, None, None] * y[:, None] * z)


def likeliest_nested(values: Tensor, steps: Tensor) -> tuple[str, float]:
    """The covariance and the width in Å under which samples [nx, ny, nz] are likeliest.

    The covariance is ``"gaussian"`` or a nested one. One step and ``"gaussian"`` where all samples are 0.
    """
    spacing = float(steps.prod()) ** (1 / 3)
    if not bool(values.any()):
        return "gaussian", spacing
    found: list[tuple[float, str, float]] = []
    for factor in COVARIANCES["gaussian"].candidates:
        system = NestedKriging.of(tuple(values.shape), steps, factor * spacing)
        turned = system.turned(values)
        found += [(system.cost(turned, share), kind, factor * spacing) for kind, share in NESTED_SHARES.items()]
    _, kind, width = min(found)
    return kind, width
