"""As-rigid-as-possible paths between two conformers: bonds keep their lengths and atoms do not collide."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import identity, triu
from scipy.sparse.linalg import SuperLU, splu
from scipy.spatial.transform import Rotation, Slerp
from torch import Tensor

from tg_molfield.paths.frames import Array
from tg_molfield.paths.local_rotations import local_rotations
from tg_molfield.paths.relaxation import Restraints, incidence, relax
from tg_molfield.paths.superposition import best_rotation
from tg_molfield.paths.topology import Topology
from tg_molfield.paths.torsions import conserved_torsions

_TETHER = 0.01
_BOND, _ANGLE, _TORSION = 10.0, 3.0, 1.0


class ArapPath:
    """Positions between two conformers, which may be far apart.

    The surroundings of each atom rotate rigidly, as in as-rigid-as-possible interpolation (Alexa, Cohen-Or & Levin,
    "As-rigid-as-possible shape interpolation", SIGGRAPH 2000). The vectors between atoms one or two bonds apart
    follow the rotations of `local_rotations`, and the positions are fitted to them by least squares. The positions are
    then relaxed: distances across one or two bonds, and across three bonds where the torsion is conserved, are
    interpolated linearly between the two ends, and atoms closer than 0.7 times the sum of their van der Waals radii
    (and closer than at both ends) are pushed apart. The ends themselves do not change.

    Each point of the path is computed independently of the others. Where atoms can pass an obstacle on either side,
    they may therefore switch sides between two neighbouring points.

    Args:
        z: atomic numbers [N].
        start: positions [N, 3] in Å, at 0.
        end: positions [N, 3] in Å, at 1.
    """

    def __init__(self, z: Tensor, start: Array, end: Array) -> None:
        self._z = z
        self._centers = start.mean(0), end.mean(0)
        self._start, end = start - self._centers[0], end - self._centers[1]
        rotation = best_rotation(self._start, end)
        self._end = end @ rotation
        self._orientation = Slerp([0, 1], Rotation.from_matrix(np.stack([np.eye(3), rotation])))
        topology = Topology.of(z, np.stack([self._start, self._end]))
        self._topology = topology
        self._pairs = np.stack(triu(topology.within_two_bonds, 1).nonzero(), 1)
        self._local_rotations = local_rotations(self._start, self._end, topology)
        self._incidence = incidence(self._pairs, len(z))
        conserved = conserved_torsions(self._start, self._end, topology)
        self._restrained = incidence(np.concatenate([self._pairs, conserved]), len(z))
        bonded = topology.are_bonded(self._pairs)
        self._stiffness = np.concatenate([np.where(bonded, _BOND, _ANGLE), np.full(len(conserved), _TORSION)])
        self._solver = self._factorized()

    def __call__(self, fraction: float) -> Array:
        """The positions [N, 3] in Å at ``fraction`` of the path, from 0 to 1."""
        straight = (1 - fraction) * self._start + fraction * self._end
        edges = (self._edges(fraction, 0) + self._edges(fraction, 1)) / 2
        guess = self._solver.solve(self._incidence.T @ edges + _TETHER * straight)
        ends = self._start, self._end
        lengths = [np.linalg.norm(self._restrained @ end, axis=1) for end in ends]
        between = (1 - fraction) * lengths[0] + fraction * lengths[1]
        body = relax(guess, Restraints(self._restrained, between, self._stiffness), self._z, ends, self._topology)
        center = (1 - fraction) * self._centers[0] + fraction * self._centers[1]
        return body @ self._orientation(fraction).as_matrix().T + center

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_solver"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._solver = self._factorized()

    def _factorized(self) -> SuperLU:
        """The factors of the least-squares fit, which cannot be pickled."""
        normal = self._incidence.T @ self._incidence + _TETHER * identity(len(self._z))
        return splu(normal.tocsc())

    def _edges(self, fraction: float, side: int) -> Array:
        if not len(self._pairs):
            return np.empty((0, 3))  # SciPy 1.11 has no rotations without elements
        rotations = self._local_rotations[self._pairs[:, side]]
        forth, back = Rotation.from_rotvec(fraction * rotations), Rotation.from_rotvec((fraction - 1) * rotations)
        first, last = self._incidence @ self._start, self._incidence @ self._end
        return (1 - fraction) * forth.apply(first) + fraction * back.apply(last)
