"""Bonds that all frames share, and the number of bonds between two atoms."""

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
        within_two_bonds: [N, N], nonzero where two atoms are at most 2 bonds apart, the diagonal included.
        within_three_bonds: the same for 3 bonds.
    """

    bonds: Indices
    graph: csr_matrix
    within_two_bonds: csr_matrix
    within_three_bonds: csr_matrix

    @classmethod
    def of(cls, z: Tensor, frames: Array) -> Topology:
        """The bonds, by distance, of atoms ``z`` [N] that are present in each of the ``frames`` [F, N, 3]."""
        found = [_pairs(z, pos) for pos in frames]
        pairs = np.array(sorted(set.intersection(*found)), dtype=np.int64).reshape(-1, 2)
        size = (len(z), len(z))
        half = csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=size)
        graph = csr_matrix(half + half.T)
        one = graph + csr_matrix((np.ones(len(z)), (np.arange(len(z)), np.arange(len(z)))), shape=size)
        two = csr_matrix(one @ one)
        return cls(pairs, graph, two, csr_matrix(two @ one))

    def bonded(self, atom: int) -> Indices:
        """The atoms 1 bond away."""
        found: Indices = self.graph.indices[self.graph.indptr[atom] : self.graph.indptr[atom + 1]].astype(np.int64)
        return found

    def neighbors(self, atom: int) -> Indices:
        """The atoms 1 or 2 bonds away."""
        matrix = self.within_two_bonds
        row = matrix.indices[matrix.indptr[atom] : matrix.indptr[atom + 1]]
        return np.sort(row[row != atom]).astype(np.int64)

    def are_bonded(self, pairs: Indices) -> NDArray[np.bool_]:
        """Whether each of the ``pairs`` [P, 2] is a bond."""
        return _entries(self.graph, pairs) > 0

    def far_apart(self, pairs: Indices, apart: int = 3) -> Indices:
        """The ``pairs`` [P, 2] whose atoms are at least ``apart`` (3 or 4) bonds apart."""
        closer = self.within_two_bonds if apart == 3 else self.within_three_bonds
        return pairs[_entries(closer, pairs) == 0]


def _entries(matrix: csr_matrix, pairs: Indices) -> Array:
    if not len(pairs):
        return np.empty(0)
    return np.asarray(matrix[pairs[:, 0], pairs[:, 1]]).ravel()


def _pairs(z: Tensor, pos: Array) -> set[tuple[int, int]]:
    found = bonds(AtomList(z, torch.from_numpy(pos)))
    return {(min(i, j), max(i, j)) for i, j in found.tolist()}
