"""As-rigid-as-possible paths between two conformers: bonds keep their lengths and atoms do not collide."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.sparse import identity, triu
from scipy.sparse.linalg import splu
from scipy.spatial.transform import Rotation, Slerp
from torch import Tensor

from tg_molfield.paths.frames import Array, Indices
from tg_molfield.paths.handedness import Inversions
from tg_molfield.paths.local_rotations import local_rotations
from tg_molfield.paths.relaxation import Restraints, incidence, relax
from tg_molfield.paths.superposition import best_rotation
from tg_molfield.paths.topology import Topology
from tg_molfield.paths.torsions import conserved_torsions

_INTERVALS = 32
_TETHER = 0.01
_ZERO = 1e-6
_BOND, _ANGLE, _TORSION = 60.0, 3.0, 1.0


class ArapPath:
    """Positions between two conformers, which may be far apart.

    The surroundings of each atom rotate rigidly, as in as-rigid-as-possible interpolation (Alexa, Cohen-Or & Levin,
    "As-rigid-as-possible shape interpolation", SIGGRAPH 2000). The vectors between atoms one or two bonds apart
    follow the rotations of `local_rotations`, and the positions are fitted to them by least squares. The positions are
    then relaxed: distances across one or two bonds, and across three bonds where the torsion is conserved, are
    interpolated linearly between the two ends, and atoms closer than 0.7 times the sum of their van der Waals radii
    (and closer than at both ends) are pushed apart. The ends themselves do not change.

    31 points between the ends are relaxed together, so that no atom jumps from one to the next, and joined by a cubic
    spline. Where two neighbours of an atom have changed places, as hydrogens of a methylene group that are
    numbered in another order may have, they turn about each other on the way.

    Args:
        z: atomic numbers [N].
        start: positions [N, 3] in Å, at 0.
        end: positions [N, 3] in Å, at 1.
    """

    def __init__(self, z: Tensor, start: Array, end: Array) -> None:
        self._z = z
        self._ends = start, end
        self._centers = start.mean(0), end.mean(0)
        self._start, end = start - self._centers[0], end - self._centers[1]
        rotation = best_rotation(self._start, end)
        self._end = end @ rotation
        self._orientation = Slerp([0, 1], Rotation.from_matrix(np.stack([np.eye(3), rotation])))

    def __call__(self, fraction: float) -> Array:
        """The positions [N, 3] in Å at ``fraction`` of the path, from 0 to 1."""
        if fraction in (0, 1):
            return self._ends[int(fraction)].copy()
        center = (1 - fraction) * self._centers[0] + fraction * self._centers[1]
        return self._body(fraction) @ self.rotation(fraction).T + center

    def rotation(self, fraction: float) -> Array:
        """The rotation [3, 3] of the molecule since the start."""
        return self._orientation(fraction).as_matrix()

    @cached_property
    def _body(self) -> CubicSpline:
        """The positions [N, 3] in Å in the body frame."""
        fractions, ends = np.linspace(0, 1, _INTERVALS + 1), (self._start, self._end)
        topology = Topology.of(self._z, np.stack(ends))
        pairs = np.stack(triu(topology.within_two_bonds, 1).nonzero(), 1)
        conserved = conserved_torsions(*ends, topology)
        stiffness = np.where(topology.are_bonded(pairs), _BOND, _ANGLE)
        stiffness = np.concatenate([stiffness, np.full(len(conserved), _TORSION)])
        restrained = incidence(np.concatenate([pairs, conserved]), len(self._z))
        start, end = (np.linalg.norm(restrained @ pos, axis=1)[:, None] for pos in ends)
        restraints = Restraints(restrained, (start + fractions * (end - start))[:, 1:-1], stiffness[:, None])
        guess = self._turned_about(self._blended(fractions, pairs, topology), fractions, topology)
        return CubicSpline(fractions, relax(guess, restraints, self._z, topology).transpose(1, 0, 2))

    def _blended(self, fractions: Array, pairs: Indices, topology: Topology) -> Array:
        """The positions [N, F, 3] in Å that fit the rotated vectors between ``pairs`` of atoms best."""
        vectors = incidence(pairs, len(self._z))
        normal = vectors.T @ vectors + _TETHER * identity(len(self._z))
        solver, rotations = splu(normal.tocsc()), local_rotations(self._start, self._end, topology)
        sides = [rotations[pairs[:, side]] for side in (0, 1)]
        first, last = vectors @ self._start, vectors @ self._end
        points = [self._start]
        for fraction in fractions[1:-1].tolist():
            straight = (1 - fraction) * self._start + fraction * self._end
            edges = sum(_between(first, last, side, fraction) for side in sides) / 2
            points.append(solver.solve(vectors.T @ edges + _TETHER * straight))
        return np.stack([*points, self._end], 1)

    def _turned_about(self, guess: Array, fractions: Array, topology: Topology) -> Array:
        """The guess [N, F, 3] in which neighbours that have changed places pass each other at a distance."""
        rows = Inversions.between(self._z, self._start, self._end, topology).exchanged
        _, one, other, left, right = rows.T
        across = guess[left] - guess[right]
        across /= np.linalg.norm(across, axis=2, keepdims=True).clip(_ZERO)
        apart = (guess[one] - guess[other])[:, [0, -1]]
        leaning = (apart * across[:, [0, -1]]).sum((1, 2))
        height = np.linalg.norm(apart, axis=2).mean(1) / 2 * np.where(leaning < -_ZERO, -1, 1)
        bump = (height[:, None] * np.sin(np.pi * fractions))[..., None] * across
        np.add.at(guess, one, bump)
        np.subtract.at(guess, other, bump)
        return guess


def _between(first: Array, last: Array, rotations: Array, fraction: float) -> Array:
    """Vectors [P, 3] at a fraction of the way from ``first`` to ``last``, which rotate."""
    if not len(first):
        return first  # SciPy 1.11 has no rotations without elements
    forth, back = Rotation.from_rotvec(fraction * rotations), Rotation.from_rotvec((fraction - 1) * rotations)
    return (1 - fraction) * forth.apply(first) + fraction * back.apply(last)
