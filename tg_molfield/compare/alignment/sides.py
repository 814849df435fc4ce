"""Molecules ready to be laid on each other: their Gaussians in frames of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.compare.alignment.coarse import coarsened
from tg_molfield.compare.alignment.self_overlap import self_overlaps
from tg_molfield.compare.alignment.starts import Frames, principal_frames
from tg_molfield.compare.overlap import check_fit
from tg_molfield.compare.terms import Terms, padded_terms
from tg_molfield.devices import in_double
from tg_molfield.fields import RBFField


@dataclass(frozen=True)
class Side:
    """Molecules with, for each term of a score, their Gaussians.

    Attributes:
        terms: for each term, the functions in the molecules' own frames, float64.
        own: for each term, the overlaps [B] of the functions with themselves.
        rough: the functions that poses are searched with, of fewer Gaussians in large molecules.
        rough_own: by blur, for each term, the overlaps of these with themselves.
        frames: those frames.
    """

    terms: Sequence[Terms]
    own: Sequence[Tensor]
    rough: Sequence[Terms]
    rough_own: Mapping[float, Sequence[Tensor]]
    frames: Frames

    def __len__(self) -> int:
        return len(self.frames.center)

    @property
    def sizes(self) -> Tensor:
        """The number of Gaussians of every molecule that poses are searched with, of all terms [B]."""
        return torch.stack([(terms.weights != 0).any(2).sum(1) for terms in self.rough]).sum(0)

    def part(self, index: Tensor) -> Side:
        """Some molecules, without the padding that they do not need."""
        terms, rough = ([_trimmed(one, index) for one in some] for some in (self.terms, self.rough))
        rough_own = {blur: [one[index] for one in values] for blur, values in self.rough_own.items()}
        return Side(terms, [one[index] for one in self.own], rough, rough_own, self.frames.part(index))


def side_of(fields: Sequence[RBFField], positions: Sequence[Tensor], blurs: Sequence[float]) -> Side:
    """The side of molecules from their fields.

    Args:
        fields: for each term, the fields of all molecules.
        positions: the atoms of each molecule, for frames of molecules whose fields are zero; may be empty.
        blurs: Å², added to the variance of every Gaussian in parts of the search.
    """
    terms = [padded_terms(field) for field in fields]
    frames = _frames(terms, positions)
    placed = [one._replace(pos=frames.into(one.pos)) for one in terms]
    rough = [coarsened(one) for one in placed]
    own = [self_overlaps(one, [0.0])[0] for one in placed]
    rough_own: dict[float, list[Tensor]] = {blur: [] for blur in blurs}
    for exact, whole, one in zip(own, placed, rough, strict=True):
        known = {0.0: exact.float()} if one is whole else {}
        others = [blur for blur in blurs if blur not in known]
        known |= zip(others, self_overlaps(single(one), others), strict=True)
        for blur in blurs:
            rough_own[blur].append(known[blur])
    return Side(placed, own, rough, rough_own, frames)


def single(terms: Terms) -> Terms:
    """Gaussians in single precision."""
    return Terms(*(one.float() for one in terms))


def check_alignable(mobile: Sequence[RBFField], fixed: Sequence[RBFField]) -> None:
    """Raise an error unless the fields of two sides can be laid on each other.

    Raises:
        ValueError: fields that are periodic, or that differ in channels, type or device.
    """
    for f, g in zip(mobile, fixed, strict=True):
        for name, field in (("mobile", f), ("fixed", g)):
            if field.cell is not None:
                raise ValueError(f"{name}: expected a field of a molecule, got a periodic one; leave out its cell")
        check_fit(f, g)


def _frames(terms: Sequence[Terms], positions: Sequence[Tensor]) -> Frames:
    """Frames by the first term; by all, then by the atoms, where a molecule has nothing in the first."""
    pos = torch.cat([one.pos for one in terms], 1)
    each = [one.weights.abs().sum(2) * (2 * math.pi * one.variances) ** 1.5 for one in terms]
    first = torch.cat([each[0], *[torch.zeros_like(one) for one in each[1:]]], 1)
    weights = torch.where(first.any(1, keepdim=True), first, torch.cat(each, 1))
    empty = ~weights.any(1)
    frames = principal_frames(pos, torch.where(empty[:, None], torch.ones_like(weights), weights))
    for row in empty.nonzero()[:, 0].tolist():
        if len(positions):
            atoms = in_double(positions[row]).to(pos)[None]
            for whole, one in zip(frames, principal_frames(atoms, torch.ones_like(atoms[..., 0])), strict=True):
                whole[row] = one[0]
    return frames


def _trimmed(terms: Terms, index: Tensor) -> Terms:
    part = Terms(*(one[index] for one in terms))
    used = (part.weights != 0).any(2).any(0)
    size = int(used.nonzero()[-1]) + 1 if bool(used.any()) else 1
    return Terms(part.pos[:, :size], part.variances[:, :size], part.weights[:, :size])
