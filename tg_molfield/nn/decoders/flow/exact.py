"""Atoms that a flow found, fitted to structure factors that stand beside its code."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.utils import to_dense_batch

from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.decoders.structure_factors.counts import counted_atoms, holds_whole_counts
from tg_molfield.nn.decoders.structure_factors.solver import atoms_with_gradient
from tg_molfield.nn.ops.element_kinds import ElementKinds
from tg_molfield.nn.ops.structure_factors import StructureFactors
from tg_molfield.nn.ops.united_atoms import UnitedAtoms
from tg_molfield.precision import full_precision


def padded_atoms(united: UnitedAtoms, elements: ElementKinds) -> PaddedAtoms:
    """All atoms of united atoms, each with the weight 1."""
    z, pos, batch = united.atoms(elements.numbers)
    place, mask = to_dense_batch(pos, batch, batch_size=len(united))
    kinds, _ = to_dense_batch(elements(z), batch, batch_size=len(united))
    return PaddedAtoms(place, kinds, mask, mask.to(pos))


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
    start = torch.stack([_placed(atoms[row : row + 1], found[row : row + 1]) for row in range(len(code))])
    return atoms_with_gradient(transform, code, seed, atoms.at(start), num_searches)


def _placed(wanted: PaddedAtoms, found: PaddedAtoms) -> Tensor:
    """Where to start ``[n, 3]``: at the atoms found of the same kind, then at others, then at the origin."""
    kinds = wanted.kinds[0].masked_fill(~wanted.mask[0], -1)
    left = found.kinds[0].masked_fill(~found.mask[0], -2)
    pos = torch.zeros_like(wanted.pos[0])
    open_ = wanted.mask[0].clone()
    for kind in kinds.unique().tolist():
        here, there = (kinds == kind).nonzero()[:, 0], (left == kind).nonzero()[:, 0]
        count = min(len(here), len(there))
        pos[here[:count]] = found.pos[0, there[:count]].detach()
        open_[here[:count]] = False
        left[there[:count]] = -2
    here, there = open_.nonzero()[:, 0], (left >= 0).nonzero()[:, 0]
    count = min(len(here), len(there))
    pos[here[:count]] = found.pos[0, there[:count]].detach()
    return pos
