"""`PaddedAtoms`: the atoms of a batch of molecules as rectangular tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from tg_molfield.nn.ops.structure_factors import StructureFactors


@dataclass(frozen=True, eq=False)
class PaddedAtoms:
    """Atoms of B molecules, padded to n each.

    Attributes:
        pos: ``[B, n, 3]`` Å, in the molecules' frames.
        kinds: ``[B, n]`` int64, indices into the transform's elements.
        mask: ``[B, n]`` bool: whether there is an atom.
        weights: ``[B, n]``: occupancies, 0 where there is no atom.
    """

    PARTS: ClassVar = ("pos", "kinds", "mask", "weights")

    pos: Tensor
    kinds: Tensor
    mask: Tensor
    weights: Tensor

    @property
    def owner(self) -> Tensor:
        """``[N]`` int64: the molecule of each of the N atoms, as ``pos[mask]`` has them."""
        return torch.arange(len(self.mask), device=self.mask.device).unsqueeze(1).expand_as(self.mask)[self.mask]

    def structure_factors(self, transform: StructureFactors) -> Tensor:
        """The contribution of each atom, ``[B, n, 2 W]``."""
        return transform.of_atoms(self.pos, self.kinds) * self.weights.unsqueeze(2)

    def __getitem__(self, rows: Tensor | slice) -> PaddedAtoms:
        return PaddedAtoms(self.pos[rows], self.kinds[rows], self.mask[rows], self.weights[rows])

    def first(self, width: int) -> PaddedAtoms:
        """The first ``width`` places alone."""
        return PaddedAtoms(self.pos[:, :width], self.kinds[:, :width], self.mask[:, :width], self.weights[:, :width])

    def at(self, pos: Tensor) -> PaddedAtoms:
        """The same atoms at ``pos [B, n, 3]``."""
        return replace(self, pos=pos)

    def with_rows(self, rows: Tensor, other: PaddedAtoms) -> PaddedAtoms:
        """These with the molecules ``rows [K]`` replaced by the K ``other``, padded as far as either needs."""
        width = max(self.mask.size(1), other.mask.size(1))
        own, new = self.widened(width), other.widened(width)
        parts = ((getattr(own, name), getattr(new, name)) for name in self.PARTS)
        return PaddedAtoms(*(one.index_copy(0, rows, two.to(one)) for one, two in parts))

    @classmethod
    def joined(cls, parts: Sequence[PaddedAtoms]) -> PaddedAtoms:
        """All molecules of one or more parts, padded as far as any needs."""
        if len(parts) == 1:
            return parts[0]
        alike = [part.widened(max(part.mask.size(1) for part in parts)) for part in parts]
        return cls(*(torch.cat([getattr(part, name) for part in alike]) for name in cls.PARTS))

    def widened(self, width: int) -> PaddedAtoms:
        """The same atoms in ``width`` places, at least as many as now."""
        more = width - self.mask.size(1)
        flat = (F.pad(part, (0, more)) for part in (self.kinds, self.mask, self.weights))
        return PaddedAtoms(F.pad(self.pos, (0, 0, 0, more)), *flat)
