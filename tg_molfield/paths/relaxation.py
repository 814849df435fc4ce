"""Relaxation of positions towards given distances, with contacts between other atoms avoided."""

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
_CONTACT = 5.0
_MARGIN = 1.0
_ROUNDS = 4
_STEPS = 400


@dataclass(frozen=True)
class Restraints:
    """Harmonic distance restraints on pairs of atoms.

    Attributes:
        incidence: [P, N], 1 and −1 at the two atoms of a pair, so that ``incidence @ pos`` gives their differences.
        lengths: equilibrium distances [P] in Å.
        stiffness: force constants [P].
    """

    incidence: csr_matrix
    lengths: Array
    stiffness: Array


def incidence(pairs: Indices, atoms: int) -> csr_matrix:
    """The incidence matrix [P, N] of ``pairs`` [P, 2], see `Restraints`."""
    rows = np.repeat(np.arange(len(pairs)), 2)
    signs = np.tile([1.0, -1.0], len(pairs))
    return csr_matrix((signs, (rows, pairs.ravel())), shape=(len(pairs), atoms))


def contact_distances(z: Tensor, pairs: Indices) -> Array:
    """The distance [P] in Å below which two nonbonded atoms clash."""
    radii = element_property("vdw_radius", z.clamp(1, _MAX_Z_WITH_RADIUS)).numpy()
    return SOFT_CONTACT * radii[pairs].sum(1)


def relax(guess: Array, restraints: Restraints, z: Tensor, ends: tuple[Array, Array], topology: Topology) -> Array:
    """The positions [N, 3] in Å near ``guess`` that satisfy the restraints best, by L-BFGS.

    Minimises ½ Σ k (d − d₀)² over the restraints, plus 2.5 Σ min(d − d₁, 0)² over atoms three or more bonds apart,
    plus 0.025 Σ |r − guess|² as a weak tether. Here d₁ is the contact distance of two atoms, or their distance
    in one of the ``ends`` if that is shorter.

    Args:
        guess: positions [N, 3] in Å.
        restraints: distances across bonds, angles and conserved torsions.
        z: atomic numbers [N].
        ends: the two conformers [N, 3]; contacts that occur in them are allowed.
        topology: the bonds of the molecule.
    """
    cutoff = float(contact_distances(z, np.arange(len(z))[:, None].repeat(2, 1)).max()) + _MARGIN
    pos = guess
    for _ in range(_ROUNDS):
        pairs = topology.far_apart(cKDTree(pos).query_pairs(cutoff, output_type="ndarray"))
        contacts = incidence(pairs, len(z))
        nearest = np.minimum(*(np.linalg.norm(contacts @ end, axis=1) for end in ends))
        limits = np.minimum(nearest, contact_distances(z, pairs))
        objective = _Objective(guess, restraints, contacts, limits)
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
    contacts: csr_matrix
    contact_distances: Array

    def __call__(self, flat: Array) -> tuple[float, Array]:
        pos = flat.reshape(-1, 3)
        moved = pos - self.guess
        cost, gradient = 0.5 * _TETHER * np.square(moved).sum(), _TETHER * moved
        for matrix, target, stiffness, highest in (
            (self.restraints.incidence, self.restraints.lengths, self.restraints.stiffness, np.inf),
            (self.contacts, self.contact_distances, _CONTACT, 0.0),
        ):
            difference = matrix @ pos
            length = np.linalg.norm(difference, axis=1).clip(1e-9)
            strain = np.minimum(length - target, highest)
            cost = cost + 0.5 * float((stiffness * strain**2).sum())
            gradient = gradient + matrix.T @ ((stiffness * strain / length)[:, None] * difference)
        return cost, gradient.ravel()
