"""Positions of atoms from their sketch by damped least squares."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tg_molfield.nn.atom_sketch import AtomSketch

_LONGEST_STEP = 0.4
_DAMPING = 1e-2
_LEAST, _MOST = 1e-7, 1e4
_BLURS = ((1.2, 4), (0.8, 4), (0.5, 4), (0.25, 4), (0.0, 10))
"""Widths of the blur in Å, and how many steps are made with each."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Atoms of ``B`` molecules, padded to n each.

    Attributes:
        pos: ``[B, n, 3]`` Å, in the molecules' frames.
        kinds: ``[B, n]`` int64, places among the sketch's elements.
        mask: ``[B, n]`` bool: whether there is an atom.
        weights: ``[B, n]``: how much of an atom it is, 0 where there is none.
    """

    pos: Tensor
    kinds: Tensor
    mask: Tensor
    weights: Tensor

    def waves(self, sketch: AtomSketch) -> Tensor:
        """Each atom's share of the waves, ``[B, n, 2 W]``."""
        return sketch.amplitudes(self.pos, self.kinds) * self.weights.unsqueeze(2)

    def __getitem__(self, rows: Tensor) -> Placed:
        return Placed(self.pos[rows], self.kinds[rows], self.mask[rows], self.weights[rows])

    def first(self, width: int) -> Placed:
        """The first ``width`` places alone."""
        return Placed(self.pos[:, :width], self.kinds[:, :width], self.mask[:, :width], self.weights[:, :width])

    def at(self, pos: Tensor) -> Placed:
        """The same atoms at ``pos [B, n, 3]``."""
        return replace(self, pos=pos)


def fit_coarse_to_fine(sketch: AtomSketch, atoms: Placed, waves: Tensor) -> tuple[Placed, Tensor]:
    """`fit_positions` to waves of a blurred molecule, then of sharper and sharper ones, from farther away."""
    for blur, steps in _BLURS:
        atoms, error = fit_positions(sketch, atoms, waves, steps, blur)
    return atoms, error


def fit_positions(
    sketch: AtomSketch, atoms: Placed, waves: Tensor, steps: int, blur: float = 0.0
) -> tuple[Placed, Tensor]:
    """The atoms moved so that their waves add up to ``waves [B, 2 W]``, and the mean square of what is left ``[B]``.

    Levenberg–Marquardt: each molecule has its own damping, and takes only steps that help. No atom moves more than
    0.4 Å in a step.

    Args:
        sketch: the map from atoms to waves.
        atoms: where to begin.
        waves: the sums to reach.
        steps: the number of steps.
        blur: Å; waves count as after a Gaussian blur of this standard deviation.
    """
    gain = (-(blur**2) / 2 * sketch.waves.square().sum(0)).exp().repeat(2)
    strength = atoms.weights.unsqueeze(2) * gain
    waves = waves * gain
    pos = atoms.pos
    shares = sketch.amplitudes(pos, atoms.kinds) * strength
    rest = waves - shares.sum(1)
    error = rest.square().mean(1)
    damping = torch.full_like(error, _DAMPING)
    for _ in range(steps):
        step = _step(sketch, shares, rest, damping)
        length = step.norm(dim=2, keepdim=True)
        moved = pos + step * (_LONGEST_STEP / length.clamp(min=_LONGEST_STEP))
        new_shares = sketch.amplitudes(moved, atoms.kinds) * strength
        new_rest = waves - new_shares.sum(1)
        new_error = new_rest.square().mean(1)
        better = new_error < error
        pos = torch.where(better[:, None, None], moved, pos)
        shares = torch.where(better[:, None, None], new_shares, shares)
        rest = torch.where(better[:, None], new_rest, rest)
        error = torch.where(better, new_error, error)
        damping = torch.where(better, 0.2 * damping, 5 * damping).clamp(_LEAST, _MOST)
    return atoms.at(pos), error


def follow_code(sketch: AtomSketch, atoms: Placed, weights: Tensor, waves: Tensor) -> Placed:
    """The same atoms with the derivatives of their positions by ``weights [B, n]`` and ``waves [B, 2 W]``.

    By the implicit function theorem these are the derivatives of one Gauss–Newton step, where the waves are met.
    """
    with torch.no_grad():
        shares = atoms.waves(sketch)
        damping = torch.full_like(waves[:, 0], _LEAST)
    rest = waves - (sketch.amplitudes(atoms.pos, atoms.kinds) * weights.unsqueeze(2)).sum(1)
    step = _step(sketch, shares, rest, damping)
    return replace(atoms, pos=atoms.pos + step - step.detach(), weights=weights)


def _step(sketch: AtomSketch, shares: Tensor, rest: Tensor, damping: Tensor) -> Tensor:
    """The damped Gauss–Newton step ``[B, n, 3]``; 0 for atoms without weight."""
    cos, sin = shares.chunk(2, dim=2)
    slope = torch.cat([-sin, cos], dim=2).unsqueeze(2) * sketch.waves.repeat(1, 2)
    slope = slope.flatten(1, 2)
    normal = slope @ slope.transpose(1, 2)
    diagonal = normal.diagonal(dim1=1, dim2=2)
    padding = (diagonal == 0).to(diagonal)
    normal = normal + torch.diag_embed(damping.unsqueeze(1) * diagonal.amax(1, keepdim=True) + padding)
    factor, _ = torch.linalg.cholesky_ex(normal)
    step = torch.cholesky_solve(slope @ rest.unsqueeze(2), factor)
    return step.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).view(step.size(0), -1, 3)
