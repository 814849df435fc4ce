"""Structure factors to positions: an initial guess, least squares, and searches where these do not suffice."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from tg_molfield.devices import is_on_host
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.decoders.structure_factors.bucketing import bucket_by_size
from tg_molfield.nn.decoders.structure_factors.initial_guess import InitialGuess
from tg_molfield.nn.decoders.structure_factors.least_squares import (
    fit_positions,
    mean_square_residual,
    sufficient_stride,
    with_code_gradient,
)
from tg_molfield.nn.decoders.structure_factors.matching_pursuit import search, support_of, worst_fitting_atoms
from tg_molfield.nn.decoders.structure_factors.plausibility import implausible_atoms
from tg_molfield.nn.decoders.structure_factors.walks import EXACT, Attempt, Target, Walks
from tg_molfield.nn.ops.structure_factors import StructureFactors
from tg_molfield.precision import full_precision

_ROUNDING = {torch.float32: 1e-13, torch.float64: 1e-24}
"""The mean square residual per atom above which a few more steps reach rounding."""
_WORST = (0.1, 0.1, 0.1, 0.1, 0.2)
"""The shares of the atoms that successive searches place anew; at least one, then two, …, of the smallest molecules."""
_REPEATS = 2
"""How often atoms that were not found are guessed again before they are searched for."""
_FREE_SEARCHES = 2
"""Quick searches, of any atoms. After them, every second one keeps each atom near another, as bonds do."""
_MOST_IMPLAUSIBLE = 0.3
"""The share of atoms that no bond reaches from which on they are no molecule."""
_MANY = 60
"""Atoms from which on each search is fitted further."""
_NEAR = 2e-3
"""The mean square residual per atom below which a fit is likely to find the atoms."""
_FIRST_STEPS, _SETTLING_STEPS, _NEAR_STEPS, _LAST_STEPS = 4, 6, (4, 10), 5
"""Steps of the fits to a guess, after searches, where atoms are nearly found, and to rounding."""
_SEEDS = 1009
"""More than the searches of one molecule, so that no two searches have the same seed."""
_GUESS_RATIO = 1.5
_WALKS, _MOST_WALKS = 512, 8
"""How many walks a device makes at once, and how many of one molecule, where quick searches did not find it."""


def atoms_with_gradient(
    transform: StructureFactors,
    code: Tensor,
    seed: Tensor,
    atoms: PaddedAtoms,
    num_searches: int,
    guess: InitialGuess | None = None,
) -> tuple[PaddedAtoms, Tensor]:
    """The atoms of `solve_atoms`, differentiable in ``code [B, size]`` where it requires that; and which match ``[B]``.

    Args:
        transform: from atoms to structure factors.
        code: its output for the molecules.
        seed: ``[B]`` int64, of the searches.
        atoms: where to start, with the kinds and weights that the code counts.
        num_searches: how often to search for atoms that the least squares do not find.
        guess: guesses again, before the searches, from where the least squares end.
    """
    pos, matches = solve_atoms(transform, Target(code.detach(), _SEEDS * seed), atoms, num_searches, guess)
    atoms = atoms.at(pos)
    if code.requires_grad:
        atoms = with_code_gradient(transform, atoms, atoms.weights, transform.split(code)[2])
    return atoms, matches


@torch.no_grad()
def solve_atoms(
    transform: StructureFactors,
    target: Target,
    atoms: PaddedAtoms,
    num_searches: int,
    guess: InitialGuess | None = None,
) -> tuple[Tensor, Tensor]:
    """Positions ``[B, n, 3]`` at which ``atoms`` match ``target``, or as nearly as was found; and which match ``[B]``.

    ``atoms`` are where to start; what the least squares do not find is guessed again from where they end.

    The residual tells whether a molecule is found; it then takes no part in later searches. Each search starts where
    the one before ended, also if that was farther from the target (basin hopping at a high temperature, Wales & Doye
    1997). On a device, where many walks take little longer than one, the molecules that the first searches do not find
    have several. Where element counts are not whole numbers, as in a mean of two codes, no atoms match exactly, one
    search is made, and its result counts as a match.
    """
    walks = Walks(transform, target, atoms)
    _attempt_and_settle(walks, transform, partial(_first_fitted, transform), walks.lost(also_between=True))
    for _ in range(_REPEATS if guess is not None else 0):
        again = partial(_first_fitted, transform, guess=guess)
        _attempt_and_settle(walks, transform, again, walks.lost(also_between=False))
    for index in range(num_searches):
        lost = walks.lost(also_between=index == 0)
        if not len(lost):
            break
        if index == _FREE_SEARCHES and not is_on_host(lost):
            walks.multiply(max(1, min(_WALKS // len(lost), _MOST_WALKS)))
            lost = walks.lost(also_between=False)
        _attempt_and_settle(walks, transform, partial(_searched, transform, index=index), lost)
    walks.finish(partial(_fitted, transform, steps=_LAST_STEPS), _ROUNDING.get(walks.error.dtype, EXACT))
    return walks.pos, walks.found


def _attempt_and_settle(walks: Walks, transform: StructureFactors, attempt: Attempt, which: Tensor) -> None:
    """Attempt for some walks, then fit further those that came near."""
    if not len(which):
        return
    left = walks.attempt(attempt, which)
    for steps in _NEAR_STEPS:
        which, left = walks.near(which, left, _NEAR)
        left = walks.attempt(partial(_fitted, transform, steps=steps), which)


@torch.no_grad()
def first_guess(transform: StructureFactors, guess: InitialGuess, code: Tensor, atoms: PaddedAtoms) -> PaddedAtoms:
    """``atoms`` where ``guess`` expects them, wherever they are."""
    pos = torch.zeros_like(atoms.pos)
    number = atoms.mask.sum(1)
    for rows, width in bucket_by_size(number, ratio=_GUESS_RATIO):
        if width:
            kinds, mask = atoms.kinds[rows, :width], atoms.mask[rows, :width]
            pos[rows, :width] = guess(transform, code[rows], kinds, mask)[-1]
    return atoms.at(pos)


@torch.no_grad()
@full_precision
def fitted_guess(
    transform: StructureFactors, guess: InitialGuess, code: Tensor, atoms: PaddedAtoms, count: int
) -> Tensor | None:
    """Where ``count`` guesses and fits lead, ``[B, n, 3]``, each guess from where the fit before led; None if 0."""
    pos = None
    for _ in range(count):
        pos = guess(transform, code, atoms.kinds, atoms.mask, pos)[-1]
        pos = _first_fit(transform, code, atoms.at(pos))[0].pos
    return pos


def _first_fitted(
    transform: StructureFactors, target: Target, atoms: PaddedAtoms, guess: InitialGuess | None = None
) -> tuple[PaddedAtoms, Tensor]:
    """The atoms fitted, after they were guessed from where they are where ``guess`` is given."""
    if guess is not None:
        atoms = atoms.at(guess(transform, target.code, atoms.kinds, atoms.mask, atoms.pos)[-1])
    return _first_fit(transform, target.code, atoms)


def _first_fit(transform: StructureFactors, code: Tensor, atoms: PaddedAtoms) -> tuple[PaddedAtoms, Tensor]:
    """Atoms that were guessed, fitted to as many structure factors as determine them."""
    factors = transform.split(code)[2]
    every = sufficient_stride(atoms, factors)
    found, _ = fit_positions(transform, atoms, factors, _FIRST_STEPS, every, to_rounding=False)
    return found, mean_square_residual(transform, found, factors)


def _fitted(transform: StructureFactors, target: Target, atoms: PaddedAtoms, steps: int) -> tuple[PaddedAtoms, Tensor]:
    """Atoms fitted to all structure factors."""
    return fit_positions(transform, atoms, transform.split(target.code)[2], steps)


def _searched(
    transform: StructureFactors, target: Target, atoms: PaddedAtoms, index: int
) -> tuple[PaddedAtoms, Tensor]:
    """The search number ``index`` for the worst atoms; few atoms are fitted further only after the first two."""
    _, moments, factors = transform.split(target.code)
    support = support_of(transform, atoms, factors)
    turn = index % len(_WORST)
    worst, bound = worst_fitting_atoms(atoms, support, _WORST[turn], 1 + turn), None
    if index >= _FREE_SEARCHES and index % 2 == 0:
        wrong = implausible_atoms(atoms, support)
        bound = wrong.sum(1) <= _MOST_IMPLAUSIBLE * atoms.mask.sum(1)
        worst |= wrong & bound.unsqueeze(1)
    found, error = search(
        transform, atoms, atoms.mask & ~worst, factors, moments, target.seed + index, bound,
        quick=index < _FREE_SEARCHES,
    )  # fmt: skip
    if index < 2 and atoms.mask.size(1) < _MANY:
        return found, error
    return fit_positions(transform, found, factors, _SETTLING_STEPS, to_rounding=False)
