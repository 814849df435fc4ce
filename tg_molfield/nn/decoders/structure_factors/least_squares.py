"""Positions of atoms from their structure factors by damped least squares, batched over molecules."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from tg_molfield.devices import is_on_host
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.decoders.structure_factors.conjugate_gradients import truncated_step
from tg_molfield.nn.ops.short_products import phases
from tg_molfield.nn.ops.structure_factors import StructureFactors

_LONGEST_STEP = 0.7
_DAMPING = 1e-3
_LEAST, _MOST = 1e-7, 1e4
_EQUATIONS = 3
"""Equations per coordinate where a fit uses a part of the structure factors; more are more reliable and slower."""
_CONVERGED = 1e-9
"""The mean square residual, relative to that without atoms, below which a step that fails ends the fit."""
_MANY = 24
"""Atoms from which on truncated steps are quicker."""
_SLABS = 4
"""The normal equations, of which one half is enough, are made in that many slabs on a processor."""
_BYTES_ON_CPU, _BYTES = 2**21, 2**28
"""Size of the derivatives computed at once: what the cache of a processor core holds; on other devices more."""


def fit_positions(
    transform: StructureFactors,
    atoms: PaddedAtoms,
    factors: Tensor,
    steps: int,
    every: int = 1,
    to_rounding: bool = True,
) -> tuple[PaddedAtoms, Tensor]:
    """The atoms moved to match ``factors [B, 2 W]``, and the mean square residual ``[B]``.

    Levenberg–Marquardt; each molecule has its own damping and accepts only steps that reduce its residual. No atom
    moves more than 0.7 Å in a step. Molecules go through it in parts whose derivatives fit the processor's cache.

    Args:
        transform: from atoms to structure factors.
        atoms: where to start.
        factors: the structure factors to match.
        steps: the most steps.
        every: compare every k-th wave vector only, also in the residual.
        to_rounding: if False, steps of many atoms on a processor are those of `truncated_step`: quicker, and no worse
            far from the atoms, but they only come near.
    """
    pos, error = torch.empty_like(atoms.pos), torch.empty_like(factors[:, 0])
    truncated = not to_rounding and is_on_host(pos) and pos.size(1) >= _MANY
    derivatives = (1 if truncated else 3) * pos.size(1) * factors.size(1) * factors.element_size() // every
    rows = max((_BYTES_ON_CPU if is_on_host(factors) else _BYTES) // max(derivatives, 1), 1)
    for first in range(0, len(pos), rows):
        part = slice(first, first + rows)
        fit = _Fit(transform, atoms[part], factors[part], every, truncated)
        pos[part], error[part] = fit.run(atoms.pos[part], steps)
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
    """The structure factors that a fit has to match: all or every k-th."""

    def __init__(
        self, transform: StructureFactors, atoms: PaddedAtoms, factors: Tensor, every: int, truncated: bool
    ) -> None:
        self.vectors = transform.wave_vectors[:, ::every]
        self.phases = transform.phases[:, ::every][atoms.kinds]
        self.weights = atoms.weights.unsqueeze(2)
        self.target = factors.unflatten(1, (2, -1))[..., ::every].flatten(1)
        self.truncated = truncated

    def shares(self, pos: Tensor) -> Tensor:
        """The contribution of each atom to them, ``[B, n, 2 W']``."""
        phase = phases(pos, self.vectors) + self.phases
        shares = phase.new_empty(*phase.shape[:2], 2 * phase.size(2))
        cos, sin = shares.chunk(2, dim=2)
        torch.cos(phase, out=cos).mul_(self.weights)
        torch.sin(phase, out=sin).mul_(self.weights)
        return shares

    def step(self, shares: Tensor, rest: Tensor, damping: Tensor) -> Tensor:
        """The damped step ``[B, n, 3]``."""
        if self.truncated:
            return truncated_step(self.vectors, shares, rest, self.weights.squeeze(2), damping)
        return _step(self.vectors, shares, rest, damping)

    def run(self, pos: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """The positions after at most ``steps`` steps from ``pos [B, n, 3]``, and the mean square residual ``[B]``."""
        shares = self.shares(pos)
        rest = self.target - shares.sum(1)
        error = rest.square().mean(1)
        small = _CONVERGED * self.target.square().mean(1)
        damping = torch.full_like(error, _DAMPING)
        looked_at = is_on_host(error)
        for _ in range(steps):
            step = self.step(shares, rest, damping)
            length = step.norm(dim=2, keepdim=True)
            moved = pos + step * (_LONGEST_STEP / length.clamp(min=_LONGEST_STEP))
            new_shares = self.shares(moved)
            new_rest = self.target - new_shares.sum(1)
            new_error = new_rest.square().mean(1)
            better = new_error < error
            if looked_at and bool(better.all()):
                pos, shares, rest, error = moved, new_shares, new_rest, new_error
            else:
                if looked_at and bool((~better & (error <= small)).all()):
                    break
                pos = torch.where(better[:, None, None], moved, pos)
                shares = torch.where(better[:, None, None], new_shares, shares)
                rest = torch.where(better[:, None], new_rest, rest)
                error = torch.where(better, new_error, error)
            damping = torch.where(better, 0.2 * damping, 5 * damping).clamp(_LEAST, _MOST)
        return pos, error


def _step(vectors: Tensor, shares: Tensor, rest: Tensor, damping: Tensor) -> Tensor:
    """The damped Gauss–Newton step ``[B, n, 3]``; 0 for atoms without weight."""
    cos, sin = (part.unsqueeze(2) for part in shares.chunk(2, dim=2))
    slope = shares.new_empty(*shares.shape[:2], 3, shares.size(2))
    by_cos, by_sin = slope.chunk(2, dim=3)
    torch.mul(sin, -vectors, out=by_cos)
    torch.mul(cos, vectors, out=by_sin)
    slope = slope.flatten(1, 2)
    normal = _lower_half(slope)
    diagonal = normal.diagonal(dim1=1, dim2=2)
    padding = (diagonal == 0).to(diagonal)
    normal.diagonal(dim1=1, dim2=2).add_(damping.unsqueeze(1) * diagonal.amax(1, keepdim=True) + padding)
    factor, _ = torch.linalg.cholesky_ex(normal)
    step = torch.cholesky_solve(slope @ rest.unsqueeze(2), factor)
    return step.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).view(step.size(0), -1, 3)


def _lower_half(slope: Tensor) -> Tensor:
    """The products ``[B, 3 n, 3 n]`` of the rows of ``slope [B, 3 n, W]``; above the diagonal some are left out."""
    size = slope.size(1)
    if not is_on_host(slope):
        return slope @ slope.transpose(1, 2)
    ends = [size * slab // _SLABS for slab in range(_SLABS + 1)]
    products = slope.new_zeros(len(slope), size, size)
    for begin, end in pairwise(ends):
        products[:, begin:end, :end] = slope[:, begin:end] @ slope[:, :end].transpose(1, 2)
    return products
