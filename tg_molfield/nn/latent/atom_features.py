"""Atoms with what an encoder knows of each: the part of a latent that atom-anchored decoders read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class AtomFeatures:
    """The N atoms of ``B`` molecules with their features.

    Attributes:
        pos: ``[N, 3]`` Å.
        scalars: ``[N, F]``, which do not change when the molecule moves.
        vectors: ``[N, V, 3]``, which turn with it.
        batch: the molecule of each atom ``[N]`` int64, sorted.
        tensors: ``[N, T, 3, 3]``, symmetric and traceless, which turn as T → R T Rᵀ; none if None.
    """

    pos: Tensor
    scalars: Tensor
    vectors: Tensor
    batch: Tensor
    tensors: Tensor | None = None

    def moved(self, rotation: Tensor, translation: Tensor | float = 0.0) -> AtomFeatures:
        """The atoms after ``x → rotation · x + translation``; both may have a row for each molecule."""
        turn = rotation[self.batch] if rotation.dim() == 3 else rotation.expand(len(self.batch), 3, 3)
        shift = torch.as_tensor(translation, dtype=self.pos.dtype, device=self.pos.device)
        shift = shift[self.batch] if shift.dim() == 2 and shift.size(0) > 1 else shift
        tensors = None if self.tensors is None else torch.einsum("nij,ntjk,nlk->ntil", turn, self.tensors, turn)
        return replace(
            self,
            pos=torch.einsum("nij,nj->ni", turn, self.pos) + shift,
            vectors=torch.einsum("nij,nvj->nvi", turn, self.vectors),
            tensors=tensors,
        )

    def select(self, molecules: Tensor) -> AtomFeatures:
        """The atoms of the molecules ``[K]`` int64, in that order, as a batch of K."""
        row, atom = (molecules.unsqueeze(1) == self.batch).nonzero(as_tuple=True)
        tensors = None if self.tensors is None else self.tensors[atom]
        return AtomFeatures(self.pos[atom], self.scalars[atom], self.vectors[atom], row, tensors)

    def to(self, target: torch.device | torch.dtype | str) -> AtomFeatures:
        """On another device, or in another floating-point type."""
        pos = self.pos.to(target)
        tensors = None if self.tensors is None else self.tensors.to(target)
        return AtomFeatures(pos, self.scalars.to(target), self.vectors.to(target), self.batch.to(pos.device), tensors)
