"""Relaxation of a chain of positions towards given distances, with contacts between other atoms avoided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree
from torch import Tensor

from tg_molfield.chem.elements import element_property
from tg_molfield.paths.frames import Array, Indices
from tg_molfield.paths.topology import Topology

SOFT_CONTACT = 0.7
"""Fraction of the sum of two van der Waals radii below which atoms clash; short enough to allow hydrogen bonds."""

_MAX_Z_WITH_RADIUS = 96
_TETHER = 0.05
_SPRING = 8.0
_LONGER = 1.5
_STILL = 0.05
_CONTACT = 10.0
_MARGIN = 1.0
_ROUNDS = 4
_OPTIONS = {"maxiter": 1000, "maxfun": 2000, "ftol": 1e-10, "gtol": 1e-6, "maxcor": 6}


@dataclass(frozen=True)
class Restraints:
    """Harmonic distance restraints on pairs of atoms at K points of a path.

    Attributes:
        incidence: [P, N], 1 and −1 at the two atoms of a pair, so that ``incidence @ pos`` gives their differences.
        lengths: equilibrium distances [P, K] in Å, or [P, 1] where they are the same at all points.
        stiffness: force constants [P, 1].
        repulsive: whether only distances below the equilibrium distance are restrained.
    """

    incidence: csr_matrix
    lengths: Array
    stiffness: Array
    repulsive: bool = False

    def cost(self, pos: Array) -> tuple[float, Array]:
        """½ Σ k (d − d₀)² at positions [N, K, 3], and its gradient [N, K, 3]."""
        difference = (self.incidence @ pos.reshape(len(pos), -1)).reshape(-1, *pos.shape[1:])
        distance = np.sqrt(np.einsum("pkx,pkx->pk", difference, difference)).clip(1e-9)
        strain = distance - self.lengths
        if self.repulsive:
            strain = strain.clip(max=0.0)
        force = self.stiffness * strain
        difference *= (force / distance)[..., None]
        gradient = self.incidence.T @ difference.reshape(len(difference), pos[0].size)
        return 0.5 * float((force * strain).sum()), gradient.reshape(pos.shape)


def incidence(pairs: Indices, atoms: int) -> csr_matrix:
    """The incidence matrix [P, N] of ``pairs`` [P, 2], see `Restraints`."""
    rows = np.repeat(np.arange(len(pairs)), 2)
    signs = np.tile([1.0, -1.0], len(pairs))
    return csr_matrix((signs, (rows, pairs.ravel())), shape=(len(pairs), atoms))


def contact_distances(z: Tensor, pairs: Indices) -> Array:
    """The distance [P] in Å below which two nonbonded atoms clash."""
    radii = element_property("vdw_radius", z.clamp(1, _MAX_Z_WITH_RADIUS)).numpy()
    return SOFT_CONTACT * radii[pairs].sum(1)


def relax(guess: Array, restraints: Restraints, z: Tensor, topology: Topology) -> Array:
    """The positions [N, K + 2, 3] in Å near ``guess`` that satisfy the restraints best, all points together, by L-BFGS.

    Minimises, summed over the K points between the ends, ½ Σ k (d − d₀)² over the restraints, plus
    5 Σ min(d − d₁, 0)² over atoms three or more bonds apart, plus 0.025 Σ |r − guess|² as a weak tether; and
    4 Σ max(s − s₁, 0)² over the steps s of atoms between neighbouring points, so that none of them jumps. Here d₁ is
    the contact distance of two atoms, or their distance at one of the ends if that is shorter, and s₁ is 1.5 times the
    longest step of the atom in ``guess``, at least 0.05 Å. The ends stay where they are.

    Args:
        guess: positions [N, K + 2, 3] in Å.
        restraints: distances across bonds, angles and conserved torsions at the K points between the ends.
        z: atomic numbers [N].
        topology: the bonds of the molecule.
    """
    pos = guess.copy()
    for _ in range(_ROUNDS):
        chain = _Chain.near(guess, (restraints, _contacts(pos, z, topology)))
        before = pos[:, 1:-1]
        found = minimize(chain, before.ravel(), jac=True, method="L-BFGS-B", options=_OPTIONS)
        pos = np.concatenate([pos[:, :1], found.x.reshape(before.shape), pos[:, -1:]], 1)
        if np.linalg.norm(pos[:, 1:-1] - before, axis=2).max(initial=0.0) < _MARGIN / 2:
            break
    return pos


def _contacts(pos: Array, z: Tensor, topology: Topology) -> Restraints:
    """The contacts of atoms that are near each other anywhere in ``pos`` [N, K, 3]."""
    count = len(z)
    cutoff = float(contact_distances(z, np.arange(count)[:, None].repeat(2, 1)).max()) + _MARGIN
    near = [cKDTree(one).query_pairs(cutoff, output_type="ndarray") for one in pos[:, 1:-1].transpose(1, 0, 2)]
    codes = np.unique(np.concatenate([pairs[:, 0] * count + pairs[:, 1] for pairs in near]))
    pairs = topology.far_apart(np.stack([codes // count, codes % count], 1))
    distances = np.linalg.norm(pos[pairs[:, 0]] - pos[pairs[:, 1]], axis=2)
    limits = np.minimum(distances[:, [0, -1]].min(1), contact_distances(z, pairs))
    kept = distances.min(1) < limits + _MARGIN
    return Restraints(incidence(pairs[kept], count), limits[kept, None], np.array([[_CONTACT]]), repulsive=True)


@dataclass(frozen=True)
class _Chain:
    guess: Array
    terms: tuple[Restraints, ...]
    longest: Array

    @classmethod
    def near(cls, guess: Array, terms: tuple[Restraints, ...]) -> _Chain:
        steps = np.linalg.norm(np.diff(guess, axis=1), axis=2)
        return cls(guess, terms, (_LONGER * steps.max(1, keepdims=True)).clip(_STILL))

    def __call__(self, flat: Array) -> tuple[float, Array]:
        count, points, _ = self.guess.shape
        pos = flat.reshape(count, points - 2, 3)
        moved = pos - self.guess[:, 1:-1]
        cost, gradient = self._of_steps(pos)
        cost, gradient = cost + 0.5 * _TETHER * float(np.square(moved).sum()), gradient + _TETHER * moved
        for term in self.terms:
            more, slope = term.cost(pos)
            cost, gradient = cost + more, gradient + slope
        return cost, gradient.ravel()

    def _of_steps(self, pos: Array) -> tuple[float, Array]:
        steps = np.diff(np.concatenate([self.guess[:, :1], pos, self.guess[:, -1:]], 1), axis=1)
        lengths = np.sqrt(np.einsum("nkx,nkx->nk", steps, steps)).clip(1e-9)
        excess = (lengths - self.longest).clip(0)
        pull = (_SPRING * excess / lengths)[..., None] * steps
        return 0.5 * _SPRING * float(np.square(excess).sum()), -np.diff(pull, axis=1)
