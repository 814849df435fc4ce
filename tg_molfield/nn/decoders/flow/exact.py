"""Atoms that a flow found, fitted to structure factors that stand beside its code."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from tg_molfield.chem.padding import Padding
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.decoders.structure_factors.counts import counted_atoms, holds_whole_counts
from tg_molfield.nn.decoders.structure_factors.solver import atoms_with_gradient
from tg_molfield.nn.ops.element_kinds import ElementKinds
from tg_molfield.nn.ops.structure_factors import StructureFactors
from tg_molfield.nn.ops.united_atoms import UnitedAtoms
from tg_molfield.precision import full_precision


def padded_atoms(united: UnitedAtoms, elements: ElementKinds) -> PaddedAtoms:
    """All atoms of united atoms, each with the weight 1."""
    if "H" not in elements.elements:
        united = replace(united, counts=torch.zeros_like(united.counts))
    z, pos, batch = united.atoms(elements.numbers)
    padding = Padding(batch, len(united))
    return PaddedAtoms(padding(pos), padding(elements(z)), padding.mask, padding.mask.to(pos))


def holds_molecules(transform: StructureFactors, code: Tensor) -> Tensor:
    """Which codes ``[B, size]`` hold the structure factors of a molecule: whole counts, and at least one atom."""
    counts = transform.split(code.detach())[0]
    return holds_whole_counts(transform, code) & (counts.round().sum(1) >= 1)


@full_precision
def fit_atoms(
    transform: StructureFactors, code: Tensor, seed: Tensor, found: PaddedAtoms, num_searches: int
) -> tuple[PaddedAtoms, Tensor]:
    """Atoms that match ``code [B, size]``, sought from those ``found``; and which match ``[B]``.

    Atoms of elements that the code does not count give their places to those that are missing.

    Args:
        transform: from atoms to structure factors.
        code: its output for the molecules.
        seed: ``[B]`` int64, of the searches.
        found: the atoms to start from.
        num_searches: how often to search for atoms that the least squares do not find.
    """
    atoms = counted_atoms(transform, code)
    start = _starting_places(atoms, found)
    return atoms_with_gradient(transform, code, seed, atoms.at(start), num_searches)


def _starting_places(wanted: PaddedAtoms, found: PaddedAtoms) -> Tensor:
    """Where to start ``[B, n, 3]``: at the atoms found of the same kind, then at others, then at the origin."""
    alike = _in_turn(wanted.mask, wanted.kinds, found.mask, found.kinds)
    left, over = wanted.mask & ~alike.any(2), found.mask & ~alike.any(1)
    pairs = alike | _in_turn(left, torch.zeros_like(wanted.kinds), over, torch.zeros_like(found.kinds))
    partner = pairs.int().argmax(2).unsqueeze(2).expand(-1, -1, 3)
    return found.pos.detach().gather(1, partner) * pairs.any(2, keepdim=True)


def _in_turn(mask: Tensor, kinds: Tensor, other_mask: Tensor, other_kinds: Tensor) -> Tensor:
    """Pairs ``[B, n, m]`` of the first of each kind with the first other, the second with the second and so on."""
    turn, other_turn = _turns(mask, kinds), _turns(other_mask, other_kinds)
    alike = (kinds.unsqueeze(2) == other_kinds.unsqueeze(1)) & (turn.unsqueeze(2) == other_turn.unsqueeze(1))
    return alike & mask.unsqueeze(2) & other_mask.unsqueeze(1)


def _turns(mask: Tensor, kinds: Tensor) -> Tensor:
    """How many atoms of its kind are before each, ``[B, n]``."""
    alike = (kinds.unsqueeze(2) == kinds.unsqueeze(1)) & mask.unsqueeze(1)
    return alike.tril(-1).sum(2)
