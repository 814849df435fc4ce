"""Searches under way: where they are, and the best atoms that they have found."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.decoders.structure_factors.bucketing import bucket_by_size
from tg_molfield.nn.decoders.structure_factors.counts import holds_whole_counts
from tg_molfield.nn.ops.structure_factors import StructureFactors

EXACT = 1e-7
"""The mean square residual per atom below which the atoms count as found."""
_FIT_RATIO = 1.07
_FEW, _FEW_RATIO = 32, 1.2
"""Molecules whose sizes differ by less than these ratios are padded to one batch; a larger ratio for few of them."""
_APART = 353
"""Between the seeds of the walks of a molecule."""


class Target(NamedTuple):
    """What the atoms of B molecules have to match.

    Attributes:
        code: ``[B, size]``, the output of `StructureFactors`.
        seed: ``[B]`` int64, of the searches, see `search`.
    """

    code: Tensor
    seed: Tensor

    def rows(self, index: Tensor) -> Target:
        """The target of some of the molecules."""
        return Target(self.code[index], self.seed[index])


Attempt = Callable[[Target, PaddedAtoms], tuple[PaddedAtoms, Tensor]]
"""A target and atoms to other atoms and their mean square residual ``[B]``."""


class Walks:
    """A walk for each of B molecules, or several, from attempt to attempt.

    Args:
        transform: from atoms to structure factors.
        target: of the molecules.
        atoms: where the walks begin.

    Attributes:
        pos: ``[B, n, 3]``, the best positions found.
        error: ``[B]``, their mean square residuals.
    """

    def __init__(self, transform: StructureFactors, target: Target, atoms: PaddedAtoms) -> None:
        self.number = atoms.mask.sum(1)
        self.pos = atoms.pos.clone()
        self.error = torch.full_like(target.code[:, 0], torch.inf).where(self.number > 0, 0)
        self._whole = holds_whole_counts(transform, target.code)
        self._target, self._atoms = target, atoms.at(atoms.pos.clone())
        self._owner = torch.arange(len(target.code), device=target.code.device)

    @property
    def found(self) -> Tensor:
        """Which molecules ``[B]`` are found, as nearly as their codes allow."""
        return (self.error <= EXACT * self.number) | ~self._whole

    def lost(self, also_between: bool) -> Tensor:
        """The walks of molecules that are not found.

        Args:
            also_between: whether to take those, too, whose element counts are not whole numbers, which no atoms match.
        """
        open_ = self.error > EXACT * self.number
        if not also_between:
            open_ &= self._whole
        return open_[self._owner].nonzero()[:, 0]

    def multiply(self, count: int) -> None:
        """Let ``count`` walks, with seeds of their own, go on from where each is."""
        row = torch.arange(len(self._owner), device=self._owner.device).repeat(count)
        turn = torch.arange(count, device=row.device).repeat_interleave(len(self._owner))
        code, seed = self._target.rows(row)
        self._target = Target(code, seed + _APART * turn)
        self._owner, self._atoms = self._owner[row], self._atoms[row]

    def attempt(self, attempt: Attempt, walks: Tensor) -> Tensor:
        """Move some walks, wherever that leads, and keep in `pos` and `error` what is better.

        Returns:
            The mean square residuals of the walks, better or not.
        """
        residual = self.error.new_empty(len(walks))
        size = self.number[self._owner[walks]]
        for part, width in bucket_by_size(size, ratio=_FIT_RATIO if len(walks) > _FEW else _FEW_RATIO):
            some = walks[part]
            found, left = attempt(self._target.rows(some), self._atoms[some].first(width))
            self._atoms.pos[some, :width], residual[part] = found.pos, left
            self._keep(self._owner[some], found.pos, left)
        return residual

    def near(self, walks: Tensor, residual: Tensor, most: float) -> tuple[Tensor, Tensor]:
        """Those of some ``walks`` that have not found the atoms but are nearer than ``most`` per atom."""
        number = self.number[self._owner[walks]]
        near = ((residual > EXACT * number) & (residual < most * number)).nonzero()[:, 0]
        return walks[near], residual[near]

    def finish(self, attempt: Attempt, rounding: float) -> None:
        """Attempt once more from the best atoms of molecules that are found, but not to ``rounding`` per atom."""
        self._owner = torch.arange(len(self.error), device=self.error.device)
        self._target, self._atoms = self._target.rows(self._owner), self._atoms[self._owner].at(self.pos.clone())
        near = (self.error > rounding * self.number) & (self.error <= EXACT * self.number)
        self.attempt(attempt, near.nonzero()[:, 0])

    def _keep(self, owner: Tensor, pos: Tensor, residual: Tensor) -> None:
        """Keep the best of ``pos [R, n, 3]``, of the molecules ``owner [R]``, if it is better than what was found."""
        better = residual < self.error[owner]
        if len(self._owner) > len(self.error):
            better &= _first_least(residual, owner, len(self.error))
        won = better.nonzero()[:, 0]
        self.error[owner[won]] = residual[won]
        self.pos[owner[won], : pos.size(1)] = pos[won]


def _first_least(values: Tensor, owner: Tensor, size: int) -> Tensor:
    """Whether each of ``values [R]`` is the least of its owner, of ``size``, and the first such."""
    row = torch.arange(len(values), device=values.device)
    least = values.new_full((size,), torch.inf).scatter_reduce(0, owner, values, "amin")
    row_if_least = row.masked_fill(values > least[owner], len(values))
    return row == row.new_full((size,), len(values)).scatter_reduce(0, owner, row_if_least, "amin")[owner]
