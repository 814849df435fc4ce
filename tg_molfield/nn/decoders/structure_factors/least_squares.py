"""Positions of atoms from their structure factors by damped least squares, batched over molecules."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tg_molfield.nn.ops.structure_factors import StructureFactors

_LONGEST_STEP = 0.7
_DAMPING = 1e-3
_LEAST, _MOST = 1e-7, 1e4
_EQUATIONS = 3
"""Equations per coordinate where a fit uses a part of the structure factors; more are more reliable and slower."""
_BLURS = ((1.2, 4), (0.8, 4), (0.5, 4), (0.25, 4), (0.0, 10))
"""Widths of the blur in Å, and the number of steps with each."""


@dataclass(frozen=True, eq=False)
class PaddedAtoms:
    """Atoms of B molecules, padded to n each.

    Attributes:
        pos: ``[B, n, 3]`` Å, in the molecules' frames.
        kinds: ``[B, n]`` int64, indices into the transform's elements.
        mask: ``[B, n]`` bool: whether there is an atom.
        weights: ``[B, n]``: occupancies, 0 where there is no atom.
    """

    pos: Tensor
    kinds: Tensor
    mask: Tensor
    weights: Tensor

    def structure_factors(self, transform: StructureFactors) -> Tensor:
        """The contribution of each atom, ``[B, n, 2 W]``."""
        return transform.of_atoms(self.pos, self.kinds) * self.weights.unsqueeze(2)

    def __getitem__(self, rows: Tensor) -> PaddedAtoms:
        return PaddedAtoms(self.pos[rows], self.kinds[rows], self.mask[rows], self.weights[rows])

    def first(self, width: int) -> PaddedAtoms:
        """The first ``width`` places alone."""
        return PaddedAtoms(self.pos[:, :width], self.kinds[:, :width], self.mask[:, :width], self.weights[:, :width])

    def at(self, pos: Tensor) -> PaddedAtoms:
        """The same atoms at ``pos [B, n, 3]``."""
        return replace(self, pos=pos)


def fit_coarse_to_fine(transform: StructureFactors, atoms: PaddedAtoms, factors: Tensor) -> tuple[PaddedAtoms, Tensor]:
    """`fit_positions` to a blurred molecule, then to less and less blurred ones, which converges from farther away."""
    every = sufficient_stride(atoms, factors)
    for blur, steps in _BLURS:
        atoms, error = fit_positions(transform, atoms, factors, steps, blur, every=every if blur else 1)
    return atoms, error


def fit_positions(
    transform: StructureFactors, atoms: PaddedAtoms, factors: Tensor, steps: int, blur: float = 0.0, every: int = 1
) -> tuple[PaddedAtoms, Tensor]:
    """The atoms moved to match ``factors [B, 2 W]``, and the mean square residual ``[B]``.

    Levenberg–Marquardt; each molecule has its own damping and accepts only steps that reduce its residual. No atom
    moves more than 0.7 Å in a step.

    Args:
        transform: from atoms to structure factors.
        atoms: where to start.
        factors: the structure factors to match.
        steps: the number of steps.
        blur: Å; factors are compared as after a Gaussian blur of this standard deviation.
        every: compare every k-th wave vector only, also in the residual.
    """
    fit = _Fit(transform, atoms, factors, blur, every)
    pos = atoms.pos
    shares = fit.shares(pos)
    rest = fit.target - shares.sum(1)
    error = rest.square().mean(1)
    damping = torch.full_like(error, _DAMPING)
    for _ in range(steps):
        step = _step(fit.vectors, shares, rest, damping)
        length = step.norm(dim=2, keepdim=True)
        moved = pos + step * (_LONGEST_STEP / length.clamp(min=_LONGEST_STEP))
        new_shares = fit.shares(moved)
        new_rest = fit.target - new_shares.sum(1)
        new_error = new_rest.square().mean(1)
        better = new_error < error
        if bool(better.all()):
            pos, shares, rest, error = moved, new_shares, new_rest, new_error
        else:
            pos = torch.where(better[:, None, None], moved, pos)
            shares = torch.where(better[:, None, None], new_shares, shares)
            rest = torch.where(better[:, None], new_rest, rest)
            error = torch.where(better, new_error, error)
        damping = torch.where(better, 0.2 * damping, 5 * damping).clamp(_LEAST, _MOST)
    return atoms.at(pos), error


def sufficient_stride(atoms: PaddedAtoms, factors: Tensor) -> int:
    """The k for which every k-th of ``factors [B, 2 W]`` still determines the atoms."""
    return max(factors.size(1) // (_EQUATIONS * 3 * atoms.mask.size(1)), 1)


def mean_square_residual(transform: StructureFactors, atoms: PaddedAtoms, factors: Tensor) -> Tensor:
    """The mean square residual ``[B]`` of the atoms against ``factors [B, 2 W]``."""
    return (factors - atoms.structure_factors(transform).sum(1)).square().mean(1)


def with_code_gradient(
    transform: StructureFactors, atoms: PaddedAtoms, weights: Tensor, factors: Tensor
) -> PaddedAtoms:
    """The same atoms with the derivatives of their positions by ``weights [B, n]`` and ``factors [B, 2 W]``.

    By the implicit function theorem these are the derivatives of one Gauss–Newton step at a solution.
    """
    with torch.no_grad():
        shares = atoms.structure_factors(transform)
        damping = torch.full_like(factors[:, 0], _LEAST)
    rest = factors - (transform.of_atoms(atoms.pos, atoms.kinds) * weights.unsqueeze(2)).sum(1)
    step = _step(transform.wave_vectors, shares, rest, damping)
    return replace(atoms, pos=atoms.pos + step - step.detach(), weights=weights)


class _Fit:
    """The structure factors that a fit has to match: all or some, blurred or not."""

    def __init__(
        self, transform: StructureFactors, atoms: PaddedAtoms, factors: Tensor, blur: float, every: int
    ) -> None:
        self.vectors = transform.wave_vectors[:, ::every]
        self.phases = transform.phases[:, ::every][atoms.kinds]
        gain = (-(blur**2) / 2 * self.vectors.square().sum(0)).exp()
        self.strength = atoms.weights.unsqueeze(2) * gain
        self.target = (factors.unflatten(1, (2, -1))[..., ::every] * gain).flatten(1)

    def shares(self, pos: Tensor) -> Tensor:
        """The contribution of each atom to them, ``[B, n, 2 W']``."""
        phase = pos @ self.vectors + self.phases
        shares = phase.new_empty(*phase.shape[:2], 2 * phase.size(2))
        cos, sin = shares.chunk(2, dim=2)
        torch.cos(phase, out=cos).mul_(self.strength)
        torch.sin(phase, out=sin).mul_(self.strength)
        return shares


def _step(vectors: Tensor, shares: Tensor, rest: Tensor, damping: Tensor) -> Tensor:
    """The damped Gauss–Newton step ``[B, n, 3]``; 0 for atoms without weight."""
    cos, sin = (part.unsqueeze(2) for part in shares.chunk(2, dim=2))
    slope = shares.new_empty(*shares.shape[:2], 3, shares.size(2))
    by_cos, by_sin = slope.chunk(2, dim=3)
    torch.mul(sin, -vectors, out=by_cos)
    torch.mul(cos, vectors, out=by_sin)
    slope = slope.flatten(1, 2)
    normal = slope @ slope.transpose(1, 2)
    diagonal = normal.diagonal(dim1=1, dim2=2)
    padding = (diagonal == 0).to(diagonal)
    normal.diagonal(dim1=1, dim2=2).add_(damping.unsqueeze(1) * diagonal.amax(1, keepdim=True) + padding)
    factor, _ = torch.linalg.cholesky_ex(normal)
    step = torch.cholesky_solve(slope @ rest.unsqueeze(2), factor)
    return step.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).view(step.size(0), -1, 3)
