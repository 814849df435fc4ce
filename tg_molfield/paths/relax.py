"""Positions brought to given distances over bonds and angles, other atoms kept apart."""

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
"""The part of the sum of two van der Waals radii below which atoms clash, bonded ones and hydrogen bonds excepted."""

_LAST_RADIUS = 96
_TETHER = 0.05
_CONTACT = 5.0
_MARGIN = 1.0
_ROUNDS = 4
_STEPS = 400


@dataclass(frozen=True)
class Restraints:
    """Distances that pairs of atoms should have.

    Attributes:
        incidence: [P, N], 1 and −1 at the two atoms of a pair, so that it makes positions into their differences.
        lengths: [P] in Å.
        stiffness: [P].
    """

    incidence: csr_matrix
    lengths: Array
    stiffness: Array


def incidence(pairs: Indices, atoms: int) -> csr_matrix:
    """The matrix [P, N] of ``pairs`` [P, 2], see `Restraints`."""
    rows = np.repeat(np.arange(len(pairs)), 2)
    signs = np.tile([1.0, -1.0], len(pairs))
    return csr_matrix((signs, (rows, pairs.ravel())), shape=(len(pairs), atoms))


def contact_distances(z: Tensor, pairs: Indices) -> Array:
    """The distance [P] in Å below which two atoms that are not bonded clash."""
    radii = element_property("vdw_radius", z.clamp(1, _LAST_RADIUS)).numpy()
    return SOFT_CONTACT * radii[pairs].sum(1)


def relaxed(guess: Array, restraints: Restraints, z: Tensor, ends: tuple[Array, Array], topology: Topology) -> Array:
    """The positions near ``guess`` that meet the restraints best, by L-BFGS.

    Minimises ½ Σ k (d − d₀)² over the restraints, 2.5 Σ min(d − d₁, 0)² over atoms three or more bonds apart and, to
    leave the rest as it is, 0.025 Σ |r − guess|². Here d₁ is the contact distance of two atoms, or their distance
    at one of the ``ends`` where that is less.

    Args:
        guess: positions [N, 3] in Å.
        restraints: bonds and angles.
        z: atomic numbers [N].
        ends: the conformers [N, 3], which are allowed whatever contacts they have.
        topology: the bonds.
    """
    reach = float(contact_distances(z, np.arange(len(z))[:, None].repeat(2, 1)).max()) + _MARGIN
    pos = guess
    for _ in range(_ROUNDS):
        pairs = topology.unlinked(cKDTree(pos).query_pairs(reach, output_type="ndarray"))
        across = incidence(pairs, len(z))
        nearest = np.minimum(*(np.linalg.norm(across @ end, axis=1) for end in ends))
        floors = np.minimum(nearest, contact_distances(z, pairs))
        objective = _Objective(guess, restraints, across, floors)
        before = pos
        found = minimize(
            objective, pos.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS, "maxfun": 2 * _STEPS}
        )
        pos = found.x.reshape(-1, 3)
        if np.linalg.norm(pos - before, axis=1).max() < _MARGIN / 2:
            break
    return pos


@dataclass(frozen=True)
class _Objective:
    guess: Array
    restraints: Restraints
    across: csr_matrix
    floors: Array

    def __call__(self, flat: Array) -> tuple[float, Array]:
        pos = flat.reshape(-1, 3)
        moved = pos - self.guess
        cost, slope = 0.5 * _TETHER * np.square(moved).sum(), _TETHER * moved
        for lines, target, stiffness, highest in (
            (self.restraints.incidence, self.restraints.lengths, self.restraints.stiffness, np.inf),
            (self.across, self.floors, _CONTACT, 0.0),
        ):
            apart = lines @ pos
            length = np.linalg.norm(apart, axis=1).clip(1e-9)
            strain = np.minimum(length - target, highest)
            cost = cost + 0.5 * float((stiffness * strain**2).sum())
            slope = slope + lines.T @ ((stiffness * strain / length)[:, None] * apart)
        return cost, slope.ravel()
