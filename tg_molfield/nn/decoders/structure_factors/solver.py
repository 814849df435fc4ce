"""Structure factors to positions: an initial guess, least squares, and searches where these do not suffice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.nn.decoders.structure_factors.bucketing import bucket_by_size
from tg_molfield.nn.decoders.structure_factors.initial_guess import InitialGuess
from tg_molfield.nn.decoders.structure_factors.least_squares import (
    PaddedAtoms,
    fit_coarse_to_fine,
    fit_positions,
    mean_square_residual,
    sufficient_stride,
)
from tg_molfield.nn.decoders.structure_factors.matching_pursuit import search, worst_fitting_atoms
from tg_molfield.nn.ops.structure_factors import StructureFactors

EXACT = 1e-7
"""The mean square residual per atom below which the atoms count as found."""
_ROUNDING = 1e-13
"""The mean square residual per atom above which a few more steps reach rounding."""
_WORST = (0.1, 0.3, 0.5, 1.0, 0.3)
"""The shares of the atoms that successive searches place anew."""
_WHOLE = 1e-3
"""Element counts nearer than this to whole numbers are those of a molecule."""
_FIRST_STEPS = (4, 5)
_STEPS_AGAIN = 6
_AGAIN, _NEAR, _FAR = (0.0, 0.3, 0.5), (0.3,), (0.3, 0.5, 0.7)
"""Å; the displacements with which further attempts start."""
_GUESS_RATIO = 1.5
_FIT_RATIO = 1.15
_FEW, _FEW_RATIO = 32, 1.5
"""Molecules whose sizes differ by less than these ratios are padded to one batch; a larger ratio for few of them."""


class Target(NamedTuple):
    """What the atoms of B molecules have to match.

    Attributes:
        code: ``[B, size]``, the output of `StructureFactors`.
        search_seed: ``[B]`` int64, see `search`.
    """

    code: Tensor
    search_seed: Tensor

    def rows(self, index: Tensor) -> Target:
        """The target of some of the molecules."""
        return Target(self.code[index], self.search_seed[index])


Attempt = Callable[[Target, PaddedAtoms], tuple[PaddedAtoms, Tensor]]
"""A target and atoms to better atoms and their mean square residual ``[B]``."""


@torch.no_grad()
def solve_atoms(
    transform: StructureFactors, guess: InitialGuess, target: Target, atoms: PaddedAtoms, num_searches: int
) -> tuple[Tensor, Tensor]:
    """Positions ``[B, n, 3]`` at which ``atoms`` match ``target``, or as nearly as was found; and which match ``[B]``.

    Cheap attempts come first. The residual tells whether a molecule is found; it then takes no part in later attempts.
    A fit that fails starts a new guess. Each search is followed by guesses and fits that start near its result (basin
    hopping, Wales & Doye 1997). Where element counts are not whole numbers, as in a mean of two codes, no atoms match
    exactly, one search is made, and its result counts as a match.
    """
    counts = transform.split(target.code)[0]
    whole = (counts - counts.round()).abs().amax(1) < _WHOLE
    number = atoms.mask.sum(1)
    pos = _first_guess(transform, guess, target.code, atoms, number)
    error = torch.full_like(counts[:, 0], torch.inf).where(number > 0, 0)
    for index in range(num_searches + 1):
        for attempt in _attempts(transform, guess, index):
            lost = ((error > EXACT * number) & (whole | (index < 2))).nonzero()[:, 0]
            _improve(attempt, target, atoms, number, lost, pos, error)
    near = ((error > _ROUNDING * number) & (error <= EXACT * number)).nonzero()[:, 0]
    _improve(partial(_fitted, transform, steps=3), target, atoms, number, near, pos, error)
    return pos, (error <= EXACT * number) | ~whole


def _attempts(transform: StructureFactors, guess: InitialGuess, index: int) -> Iterator[Attempt]:
    """The attempts before the first search, ``index`` 0, or one search and those that follow it."""
    if index == 0:
        yield from (partial(_fitted, transform, steps=steps, thin=True) for steps in _FIRST_STEPS)
    else:
        yield partial(_searched, transform, share=_WORST[(index - 1) % len(_WORST)])
    for seed, distance in enumerate(_AGAIN):
        yield partial(_guessed_again, transform, guess, distance=distance, seed=seed)
    if index:
        for seed, distance in enumerate(_NEAR):
            yield partial(_guessed_again, transform, guess, distance=distance, seed=seed, coarse_to_fine=True)
        for seed, distance in enumerate(_FAR):
            yield partial(_fitted_near, transform, distance=distance, seed=seed)


def _first_guess(
    transform: StructureFactors, guess: InitialGuess, code: Tensor, atoms: PaddedAtoms, number: Tensor
) -> Tensor:
    pos = torch.zeros_like(atoms.pos)
    for rows in bucket_by_size(number, ratio=_GUESS_RATIO):
        width = int(number[rows].max())
        if width:
            kinds, mask = atoms.kinds[rows, :width], atoms.mask[rows, :width]
            pos[rows, :width] = guess(transform, code[rows], kinds, mask)[-1]
    return pos


def _improve(
    attempt: Attempt, target: Target, atoms: PaddedAtoms, number: Tensor, rows: Tensor, pos: Tensor, error: Tensor
) -> None:
    """Write the result of the attempt on ``rows`` into ``pos [B, n, 3]`` and ``error [B]`` where it is better."""
    ratio = _FIT_RATIO if len(rows) > _FEW else _FEW_RATIO
    for part in bucket_by_size(number[rows], ratio=ratio):
        some = rows[part]
        width = int(number[some].max())
        found, left = attempt(target.rows(some), atoms.at(pos)[some].first(width))
        won = left < error[some]
        error[some[won]] = left[won]
        pos[some[won], :width] = found.pos[won]


def _fitted(
    transform: StructureFactors, target: Target, atoms: PaddedAtoms, steps: int, thin: bool = False
) -> tuple[PaddedAtoms, Tensor]:
    """Atoms fitted to all structure factors or, if ``thin``, to as many as determine them."""
    factors = transform.split(target.code)[2]
    if not thin:
        return fit_positions(transform, atoms, factors, steps)
    found, _ = fit_positions(transform, atoms, factors, steps, every=sufficient_stride(atoms, factors))
    return found, mean_square_residual(transform, found, factors)


def _guessed_again(
    transform: StructureFactors,
    guess: InitialGuess,
    target: Target,
    atoms: PaddedAtoms,
    distance: float,
    seed: int,
    coarse_to_fine: bool = False,
) -> tuple[PaddedAtoms, Tensor]:
    """A guess that starts from displaced atoms, then fitted."""
    start = _displaced(atoms.pos, distance, seed)
    guessed = atoms.at(guess(transform, target.code, atoms.kinds, atoms.mask, start)[-1])
    if coarse_to_fine:
        return fit_coarse_to_fine(transform, guessed, transform.split(target.code)[2])
    return _fitted(transform, target, guessed, _STEPS_AGAIN, thin=True)


def _fitted_near(
    transform: StructureFactors, target: Target, atoms: PaddedAtoms, distance: float, seed: int
) -> tuple[PaddedAtoms, Tensor]:
    """A coarse-to-fine fit that starts from displaced atoms."""
    start = atoms.at(_displaced(atoms.pos, distance, seed))
    return fit_coarse_to_fine(transform, start, transform.split(target.code)[2])


def _displaced(pos: Tensor, distance: float, seed: int) -> Tensor:
    """Positions ``[B, n, 3]`` moved by about ``distance`` Å along each axis, alike in every molecule."""
    generator = torch.Generator().manual_seed(seed)
    return pos + distance * torch.randn(pos.shape[1:], dtype=torch.float64, generator=generator).to(pos)


def _searched(
    transform: StructureFactors, target: Target, atoms: PaddedAtoms, share: float
) -> tuple[PaddedAtoms, Tensor]:
    """A search for the worst ``share`` of the atoms."""
    _, moments, factors = transform.split(target.code)
    worst = worst_fitting_atoms(transform, atoms, factors, share)
    return search(transform, atoms, atoms.mask & ~worst, factors, moments, target.search_seed)
