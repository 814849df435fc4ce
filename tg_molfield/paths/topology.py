"""Which atoms are bonded in all of several frames, and how many bonds lie between any two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import bonds
from tg_molfield.paths.frames import Array, Indices


@dataclass(frozen=True)
class Topology:
    """The bonds of a molecule.

    Attributes:
        bonds: the pairs [B, 2].
        graph: [N, N], 1 where two atoms are bonded.
        near: [N, N], not 0 where two atoms are the same or 1 or 2 bonds apart.
        linked: the same up to 3 bonds.
    """

    bonds: Indices
    graph: csr_matrix
    near: csr_matrix
    linked: csr_matrix

    @classmethod
    def of(cls, z: Tensor, frames: Array) -> Topology:
        """The bonds by distance that atoms ``z`` [N] have in every one of the ``frames`` [F, N, 3]."""
        found = [_pairs(z, pos) for pos in frames]
        pairs = np.array(sorted(set.intersection(*found)), dtype=np.int64).reshape(-1, 2)
        size = (len(z), len(z))
        half = csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=size)
        graph = csr_matrix(half + half.T)
        one = graph + csr_matrix((np.ones(len(z)), (np.arange(len(z)), np.arange(len(z)))), shape=size)
        near = csr_matrix(one @ one)
        return cls(pairs, graph, near, csr_matrix(near @ one))

    def neighbors(self, atom: int) -> Indices:
        """The atoms 1 or 2 bonds away."""
        row = self.near.indices[self.near.indptr[atom] : self.near.indptr[atom + 1]]
        return np.sort(row[row != atom]).astype(np.int64)

    def are_bonded(self, pairs: Indices) -> NDArray[np.bool_]:
        """Whether each of the ``pairs`` [P, 2] is a bond."""
        return _entries(self.graph, pairs) > 0

    def unlinked(self, pairs: Indices, apart: int = 3) -> Indices:
        """Those of the ``pairs`` [P, 2] that are at least ``apart`` (3 or 4) bonds apart."""
        joined = self.near if apart == 3 else self.linked
        return pairs[_entries(joined, pairs) == 0]


def _entries(matrix: csr_matrix, pairs: Indices) -> Array:
    if not len(pairs):
        return np.empty(0)
    return np.asarray(matrix[pairs[:, 0], pairs[:, 1]]).ravel()


def _pairs(z: Tensor, pos: Array) -> set[tuple[int, int]]:
    found = bonds(AtomList(z, torch.from_numpy(pos)))
    return {(min(i, j), max(i, j)) for i, j in found.tolist()}
