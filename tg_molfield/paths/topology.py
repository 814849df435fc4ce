"""Bonds that all frames share, and the number of bonds between two atoms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, identity
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
    """

    bonds: Indices
    graph: csr_matrix

    @classmethod
    def of(cls, z: Tensor, frames: Array) -> Topology:
        """The bonds, by distance, of atoms ``z`` [N] that are present in each of the ``frames`` [F, N, 3]."""
        found = [_pairs(z, pos) for pos in frames]
        pairs = np.array(sorted(set.intersection(*found)), dtype=np.int64).reshape(-1, 2)
        size = (len(z), len(z))
        half = csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=size)
        return cls(pairs, csr_matrix(half + half.T))

    @cached_property
    def within_two_bonds(self) -> csr_matrix:
        """[N, N], nonzero where two atoms are at most 2 bonds apart, the diagonal included."""
        return csr_matrix(self._within_one_bond @ self._within_one_bond)

    @cached_property
    def within_three_bonds(self) -> csr_matrix:
        """The same for 3 bonds."""
        return csr_matrix(self.within_two_bonds @ self._within_one_bond)

    @cached_property
    def _within_one_bond(self) -> csr_matrix:
        return csr_matrix(self.graph + identity(self.graph.shape[0], format="csr"))

    def bonded(self, atom: int) -> Indices:
        """The atoms 1 bond away."""
        return _row(self.graph, atom)

    def neighbors(self, atom: int) -> Indices:
        """The atoms 1 or 2 bonds away."""
        row = _row(self.within_two_bonds, atom)
        return np.sort(row[row != atom])

    def are_bonded(self, pairs: Indices) -> NDArray[np.bool_]:
        """Whether each of the ``pairs`` [P, 2] is a bond."""
        return _entries(self.graph, pairs) > 0

    def far_apart(self, pairs: Indices, apart: int = 3) -> Indices:
        """The ``pairs`` [P, 2] whose atoms are at least ``apart`` (3 or 4) bonds apart."""
        closer = self.within_two_bonds if apart == 3 else self.within_three_bonds
        return pairs[_entries(closer, pairs) == 0]


def _row(matrix: csr_matrix, row: int) -> Indices:
    """The columns of the entries of a row."""
    columns: Indices = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].astype(np.int64)
    return columns


def _entries(matrix: csr_matrix, pairs: Indices) -> Array:
    if not len(pairs):
        return np.empty(0)
    return np.asarray(matrix[pairs[:, 0], pairs[:, 1]]).ravel()


def _pairs(z: Tensor, pos: Array) -> set[tuple[int, int]]:
    found = bonds(AtomList(z, torch.from_numpy(pos)))
    return {(min(i, j), max(i, j)) for i, j in found.tolist()}
