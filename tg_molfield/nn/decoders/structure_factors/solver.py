"""Structure factors to positions: an initial guess, least squares, and searches where these do not suffice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.decoders.structure_factors.bucketing import bucket_by_size
from tg_molfield.nn.decoders.structure_factors.counts import holds_whole_counts
from tg_molfield.nn.decoders.structure_factors.initial_guess import InitialGuess
from tg_molfield.nn.decoders.structure_factors.least_squares import (
    fit_positions,
    mean_square_residual,
    sufficient_stride,
    with_code_gradient,
)
from tg_molfield.nn.decoders.structure_factors.matching_pursuit import search, support_of, worst_fitting_atoms
from tg_molfield.nn.decoders.structure_factors.plausibility import implausible_atoms
from tg_molfield.nn.ops.structure_factors import StructureFactors

EXACT = 1e-7
"""The mean square residual per atom below which the atoms count as found."""
_ROUNDING = {torch.float32: 1e-13, torch.float64: 1e-24}
"""The mean square residual per atom above which a few more steps reach rounding."""
_WORST = (0.1, 0.1, 0.1, 0.1, 0.2)
"""The shares of the atoms that successive searches place anew; at least one, then two, …, of the smallest molecules."""
_FREE_SEARCHES = 2
"""Quick searches, of any atoms. After them, every second one keeps each atom near another, as bonds do."""
_MOST_IMPLAUSIBLE = 0.3
"""The share of atoms that no bond reaches from which on they are no molecule."""
_MANY = 60
"""Atoms from which on each search is fitted further."""
_NEAR = 2e-3
"""The mean square residual per atom below which a fit is likely to find the atoms."""
_FIRST_STEPS, _SETTLING_STEPS, _NEAR_STEPS, _LAST_STEPS = 4, 6, (4, 10), 3
"""Steps of the fits to a guess, after searches, where atoms are nearly found, and to rounding."""
_SEEDS = 1009
"""More than the searches of one molecule, so that no two searches have the same seed."""
_GUESS_RATIO = 1.5
_FIT_RATIO = 1.07
_FEW, _FEW_RATIO = 32, 1.2
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
"""A target and atoms to other atoms and their mean square residual ``[B]``."""


def atoms_with_gradient(
    transform: StructureFactors, code: Tensor, seed: Tensor, atoms: PaddedAtoms, num_searches: int
) -> tuple[PaddedAtoms, Tensor]:
    """The atoms of `solve_atoms`, differentiable in ``code [B, size]`` where it requires that; and which match ``[B]``.

    Args:
        transform: from atoms to structure factors.
        code: its output for the molecules.
        seed: ``[B]`` int64, of the searches.
        atoms: where to start, with the kinds and weights that the code counts.
        num_searches: how often to search for atoms that the least squares do not find.
    """
    pos, matches = solve_atoms(transform, Target(code.detach(), seed), atoms, num_searches)
    atoms = atoms.at(pos)
    if code.requires_grad:
        atoms = with_code_gradient(transform, atoms, atoms.weights, transform.split(code)[2])
    return atoms, matches


@torch.no_grad()
def solve_atoms(
    transform: StructureFactors, target: Target, atoms: PaddedAtoms, num_searches: int
) -> tuple[Tensor, Tensor]:
    """Positions ``[B, n, 3]`` at which ``atoms`` match ``target``, or as nearly as was found; and which match ``[B]``.

    ``atoms`` are where to start.

    The residual tells whether a molecule is found; it then takes no part in later searches. Each search starts where
    the one before ended, also if that was farther from the target (basin hopping at a high temperature, Wales & Doye
    1997). Where element counts are not whole numbers, as in a mean of two codes, no atoms match exactly, one search is
    made, and its result counts as a match.
    """
    whole = holds_whole_counts(transform, target.code)
    number = atoms.mask.sum(1)
    walk = atoms.at(atoms.pos.clone())
    pos = walk.pos.clone()
    error = torch.full_like(target.code[:, 0], torch.inf).where(number > 0, 0)
    fit = partial(_fitted, transform, steps=_FIRST_STEPS, thin=True)
    finish = [partial(_fitted, transform, steps=steps) for steps in _NEAR_STEPS]
    searches = [partial(_searched, transform, index=index) for index in range(num_searches)]
    for index, attempt in enumerate([fit, *searches]):
        lost = ((error > EXACT * number) & (whole | (index < 2))).nonzero()[:, 0]
        left = _try(attempt, target, walk, number, lost, pos, error)
        for closer in finish:
            open_ = (left > EXACT * number[lost]) & (left < _NEAR * number[lost])
            lost, left = lost[open_], left[open_]
            left = _try(closer, target, walk, number, lost, pos, error)
    rounding = _ROUNDING.get(error.dtype, EXACT)
    near = ((error > rounding * number) & (error <= EXACT * number)).nonzero()[:, 0]
    _try(partial(_fitted, transform, steps=_LAST_STEPS), target, atoms.at(pos.clone()), number, near, pos, error)
    return pos, (error <= EXACT * number) | ~whole


@torch.no_grad()
def first_guess(transform: StructureFactors, guess: InitialGuess, code: Tensor, atoms: PaddedAtoms) -> PaddedAtoms:
    """``atoms`` where ``guess`` expects them, wherever they are."""
    pos = torch.zeros_like(atoms.pos)
    number = atoms.mask.sum(1)
    for rows in bucket_by_size(number, ratio=_GUESS_RATIO):
        width = int(number[rows].max())
        if width:
            kinds, mask = atoms.kinds[rows, :width], atoms.mask[rows, :width]
            pos[rows, :width] = guess(transform, code[rows], kinds, mask)[-1]
    return atoms.at(pos)


def _try(
    attempt: Attempt, target: Target, walk: PaddedAtoms, number: Tensor, rows: Tensor, pos: Tensor, error: Tensor
) -> Tensor:
    """Move the ``rows`` of ``walk`` by the attempt, and keep in ``pos [B, n, 3]`` and ``error [B]`` what is better.

    Returns:
        The mean square residuals of the rows, better or not.
    """
    ratio = _FIT_RATIO if len(rows) > _FEW else _FEW_RATIO
    residual = error[rows]
    for part in bucket_by_size(number[rows], ratio=ratio):
        some = rows[part]
        width = int(number[some].max())
        found, left = attempt(target.rows(some), walk[some].first(width))
        walk.pos[some, :width], residual[part] = found.pos, left
        won = left < error[some]
        error[some[won]] = left[won]
        pos[some[won], :width] = found.pos[won]
    return residual


def _fitted(
    transform: StructureFactors, target: Target, atoms: PaddedAtoms, steps: int, thin: bool = False
) -> tuple[PaddedAtoms, Tensor]:
    """Atoms fitted to all structure factors or, if ``thin``, to as many as determine them."""
    factors = transform.split(target.code)[2]
    if not thin:
        return fit_positions(transform, atoms, factors, steps)
    found, _ = fit_positions(transform, atoms, factors, steps, every=sufficient_stride(atoms, factors))
    return found, mean_square_residual(transform, found, factors)


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
    seed = _SEEDS * target.search_seed + index
    found, error = search(
        transform, atoms, atoms.mask & ~worst, factors, moments, seed, bound, quick=index < _FREE_SEARCHES
    )
    if index < 2 and atoms.mask.size(1) < _MANY:
        return found, error
    return fit_positions(transform, found, factors, _SETTLING_STEPS)
