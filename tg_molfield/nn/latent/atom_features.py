"""`AtomFeatures`: atoms and what an encoder says of each; the input of poolings and of decoders that read atoms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.utils import degree

from tg_molfield.nn.cards import features_card
from tg_molfield.nn.ops.members import members_of
from tg_molfield.precision import full_precision


class FeatureSizes(NamedTuple):
    """How many features an atom has: ``scalars`` F, ``vectors`` V and ``tensors`` T."""

    scalars: int = 0
    vectors: int = 0
    tensors: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class AtomFeatures:
    """The N atoms of B molecules with their features; a kind of feature that an encoder lacks has size 0.

    Attributes:
        z: ``[N]`` int64 atomic numbers.
        pos: ``[N, 3]`` Å, relative to the molecule's origin.
        batch: ``[N]`` int64, sorted: the molecule of each atom.
        num_graphs: B.
        scalars: ``[N, F]``, unchanged when the molecule moves.
        vectors: ``[N, V, 3]``, which rotate with it: v → R v.
        tensors: ``[N, T, 3, 3]``, symmetric and traceless: T → R T Rᵀ.
    """

    z: Tensor
    pos: Tensor
    batch: Tensor
    num_graphs: int
    scalars: Tensor
    vectors: Tensor
    tensors: Tensor

    def __repr__(self) -> str:
        scalars, vectors, tensors = self.sizes
        return (
            f"AtomFeatures({len(self.z)} atoms of {self.num_graphs} molecules, {scalars} scalars, {vectors} vectors, "
            f"{tensors} tensors)"
        )

    def _repr_html_(self) -> str:
        return features_card(self)

    @classmethod
    def of_scalars(cls, z: Tensor, pos: Tensor, batch: Tensor, num_graphs: int, scalars: Tensor) -> AtomFeatures:
        """Atoms that have scalars ``[N, F]`` alone."""
        none = scalars.new_zeros(len(z), 0, 3)
        return cls(z, pos, batch, num_graphs, scalars, none, none.new_zeros(len(z), 0, 3, 3))

    @property
    def sizes(self) -> FeatureSizes:
        """The numbers of scalars, vectors and tensors."""
        return FeatureSizes(self.scalars.size(1), self.vectors.size(1), self.tensors.size(1))

    @full_precision
    def rotated(self, rotation: Tensor) -> AtomFeatures:
        """The atoms after ``x → rotation · x``; ``rotation [3, 3]`` or ``[B, 3, 3]``, proper."""
        turn = rotation.expand(self.num_graphs, 3, 3)[self.batch]
        return replace(
            self,
            pos=torch.einsum("nij,nj->ni", turn.to(self.pos), self.pos),
            vectors=torch.einsum("nij,nvj->nvi", turn, self.vectors),
            tensors=torch.einsum("nij,ntjk,nlk->ntil", turn, self.tensors, turn),
        )

    def rows(self, rows: slice) -> AtomFeatures:
        """Some of the atoms, of as many molecules as before."""
        scalars, vectors, tensors = (x[rows] for x in (self.scalars, self.vectors, self.tensors))
        return AtomFeatures(self.z[rows], self.pos[rows], self.batch[rows], self.num_graphs, scalars, vectors, tensors)

    def select(self, molecules: Tensor) -> AtomFeatures:
        """The atoms of the molecules ``[K]`` int64, in that order, as a batch of K."""
        row, atom = members_of(molecules, degree(self.batch, self.num_graphs, dtype=torch.int64))
        parts = (part[atom] for part in (self.scalars, self.vectors, self.tensors))
        return AtomFeatures(self.z[atom], self.pos[atom], row, len(molecules), *parts)

    def to(self, target: torch.device | torch.dtype | str) -> AtomFeatures:
        """On another device, or in another floating-point type."""
        pos, scalars, vectors, tensors = (x.to(target) for x in (self.pos, self.scalars, self.vectors, self.tensors))
        return AtomFeatures(
            self.z.to(pos.device), pos, self.batch.to(pos.device), self.num_graphs, scalars, vectors, tensors
        )
