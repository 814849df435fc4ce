"""Sketches to positions: a guess, steps towards the code, and searches where these do not suffice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from tg_molfield.nn.decoders.structure_factors.bucketing import bucket_by_size
from tg_molfield.nn.decoders.structure_factors.initial_guess import InitialGuess
from tg_molfield.nn.decoders.structure_factors.least_squares import (
    PaddedAtoms,
    fit_coarse_to_fine,
    fit_positions,
    left_over,
    spare_waves,
)
from tg_molfield.nn.decoders.structure_factors.matching_pursuit import search, worst_fitting_atoms
from tg_molfield.nn.decoders.structure_factors.transform import StructureFactors

EXACT = 1e-7
"""The mean square error of the waves, for each atom, below which atoms count as found."""
_ROUNDING = 1e-13
"""The same, above which a few more steps make them exact."""
_WRONG = (0.1, 0.3, 0.5, 1.0, 0.3)
"""The shares of the atoms that are searched for anew, in turn."""
_WHOLE = 1e-3
"""Counts of elements that differ less from whole numbers are those of a molecule."""
_FIRST_STEPS = (4, 5)
_STEPS_AGAIN = 6
_AGAIN, _NEAR, _FAR = (0.0, 0.3, 0.5), (0.3,), (0.3, 0.5, 0.7)
"""Å, how far from the atoms found so far further attempts begin."""
_GUESSED_TOGETHER = 1.5
_FITTED_TOGETHER = 1.15
_FEW, _FEW_TOGETHER = 32, 1.5
"""Molecules so different in size are computed together; few of them are padded more rather than parted."""

Attempt = Callable[[Tensor, PaddedAtoms], tuple[PaddedAtoms, Tensor]]
"""Codes ``[B, D]`` and atoms to better atoms and what they leave of the waves, as a mean square ``[B]``."""


@torch.no_grad()
def solve_atoms(
    sketch: StructureFactors, guess: InitialGuess, code: Tensor, atoms: PaddedAtoms, num_searches: int
) -> Tensor:
    """Positions ``[B, n, 3]`` at which ``atoms`` add up to ``code [B, D]``, or as nearly as was found.

    Cheap attempts come first; a molecule that is found, which its code tells, takes no part in later ones. A guess that
    is fitted and not exact is guessed anew from there. Each search is followed by guesses and fits that begin near what
    was found (basin hopping, Wales & Doye 1997). Where the counts of the elements are not whole numbers, as in a mean
    of two codes, no atoms are exact, and one search is made.
    """
    counts = sketch.parts(code)[0]
    whole = (counts - counts.round()).abs().amax(1) < _WHOLE
    number = atoms.mask.sum(1)
    pos = _first_guess(sketch, guess, code, atoms, number)
    error = torch.full_like(code[:, 0], torch.inf).where(number > 0, 0)
    for index in range(num_searches + 1):
        for attempt in _attempts(sketch, guess, index):
            lost = ((error > EXACT * number) & (whole | (index < 2))).nonzero()[:, 0]
            _improve(attempt, code, atoms, number, lost, pos, error)
    near = ((error > _ROUNDING * number) & (error <= EXACT * number)).nonzero()[:, 0]
    _improve(partial(_fitted, sketch, steps=3), code, atoms, number, near, pos, error)
    return pos


def _attempts(sketch: StructureFactors, guess: InitialGuess, index: int) -> Iterator[Attempt]:
    """Those before the first search, ``index`` 0, or those that begin with one and are bolder."""
    if index == 0:
        yield from (partial(_fitted, sketch, steps=steps, thin=True) for steps in _FIRST_STEPS)
    else:
        yield partial(_searched, sketch, share=_WRONG[(index - 1) % len(_WRONG)])
    for seed, distance in enumerate(_AGAIN):
        yield partial(_guessed_again, sketch, guess, distance=distance, seed=seed)
    if index:
        for seed, distance in enumerate(_NEAR):
            yield partial(_guessed_near, sketch, guess, distance=distance, seed=seed)
        for seed, distance in enumerate(_FAR):
            yield partial(_fitted_near, sketch, distance=distance, seed=seed)


def _first_guess(
    sketch: StructureFactors, guess: InitialGuess, code: Tensor, atoms: PaddedAtoms, number: Tensor
) -> Tensor:
    pos = torch.zeros_like(atoms.pos)
    for rows in bucket_by_size(number, ratio=_GUESSED_TOGETHER):
        width = int(number[rows].max())
        if width:
            kinds, mask = atoms.kinds[rows, :width], atoms.mask[rows, :width]
            pos[rows, :width] = guess(sketch, code[rows, : sketch.size], kinds, mask)[-1]
    return pos


def _improve(
    attempt: Attempt, code: Tensor, atoms: PaddedAtoms, number: Tensor, rows: Tensor, pos: Tensor, error: Tensor
) -> None:
    """Write what the attempt makes of ``rows`` into ``pos [B, n, 3]`` and ``error [B]`` where it is better."""
    ratio = _FITTED_TOGETHER if len(rows) > _FEW else _FEW_TOGETHER
    for part in bucket_by_size(number[rows], ratio=ratio):
        some = rows[part]
        width = int(number[some].max())
        found, left = attempt(code[some], atoms.at(pos)[some].first(width))
        won = left < error[some]
        error[some[won]] = left[won]
        pos[some[won], :width] = found.pos[won]


def _fitted(
    sketch: StructureFactors, code: Tensor, atoms: PaddedAtoms, steps: int, thin: bool = False
) -> tuple[PaddedAtoms, Tensor]:
    """Atoms fitted to all waves or, ``thin``, to as many as so many atoms need."""
    waves = sketch.parts(code)[2]
    if not thin:
        return fit_positions(sketch, atoms, waves, steps)
    found, _ = fit_positions(sketch, atoms, waves, steps, every=spare_waves(atoms, waves))
    return found, left_over(sketch, found, waves)


def _guessed_again(
    sketch: StructureFactors, guess: InitialGuess, code: Tensor, atoms: PaddedAtoms, distance: float, seed: int
) -> tuple[PaddedAtoms, Tensor]:
    pos = guess(sketch, code[:, : sketch.size], atoms.kinds, atoms.mask, _shaken(atoms.pos, distance, seed))[-1]
    return _fitted(sketch, code, atoms.at(pos), _STEPS_AGAIN, thin=True)


def _guessed_near(
    sketch: StructureFactors, guess: InitialGuess, code: Tensor, atoms: PaddedAtoms, distance: float, seed: int
) -> tuple[PaddedAtoms, Tensor]:
    pos = guess(sketch, code[:, : sketch.size], atoms.kinds, atoms.mask, _shaken(atoms.pos, distance, seed))[-1]
    return fit_coarse_to_fine(sketch, atoms.at(pos), sketch.parts(code)[2])


def _fitted_near(
    sketch: StructureFactors, code: Tensor, atoms: PaddedAtoms, distance: float, seed: int
) -> tuple[PaddedAtoms, Tensor]:
    return fit_coarse_to_fine(sketch, atoms.at(_shaken(atoms.pos, distance, seed)), sketch.parts(code)[2])


def _shaken(pos: Tensor, distance: float, seed: int) -> Tensor:
    """Places ``[B, n, 3]`` moved by about ``distance`` Å along each axis, in every molecule alike."""
    generator = torch.Generator().manual_seed(seed)
    return pos + distance * torch.randn(pos.shape[1:], dtype=torch.float64, generator=generator).to(pos)


def _searched(sketch: StructureFactors, code: Tensor, atoms: PaddedAtoms, share: float) -> tuple[PaddedAtoms, Tensor]:
    _, moments, waves = sketch.parts(code)
    wrong = worst_fitting_atoms(sketch, atoms, waves, share)
    variant = code[:, sketch.variant].round().long()
    return search(sketch, atoms, atoms.mask & ~wrong, waves, moments, variant)
