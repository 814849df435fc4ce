"""The way between two conformers, along which bonds keep their lengths and atoms do not meet."""

from __future__ import annotations

import numpy as np
from scipy.sparse import identity, triu
from scipy.sparse.linalg import splu
from scipy.spatial.transform import Rotation, Slerp
from torch import Tensor

from tg_molfield.paths.frames import Array
from tg_molfield.paths.local_turns import local_turns
from tg_molfield.paths.relax import Restraints, incidence, relaxed
from tg_molfield.paths.superposition import best_rotation
from tg_molfield.paths.topology import Topology
from tg_molfield.paths.torsions import kept_torsions

_HOLD = 0.01
_BOND, _ANGLE, _TORSION = 10.0, 3.0, 1.0


class ElasticPath:
    """Positions between two conformers, however far apart.

    Every atom's surroundings turn rigidly, as in as-rigid-as-possible interpolation (Alexa, Cohen-Or & Levin,
    "As-rigid-as-possible shape interpolation", SIGGRAPH 2000): the vectors between atoms one or two bonds apart
    turn along the arcs of `local_turns`, and positions are fitted to them by least squares. Then the distances over
    one and two bonds, and those over three whose torsion stays, are brought to values between those of the ends, and
    atoms that would come closer than 0.7 of the sum of their van der Waals radii (and than at both ends) are pushed
    apart. At the ends nothing changes.

    Each point is found by itself. Where there are two ways past an obstacle, such as one side chain on either side of
    another, some atoms can jump from one to the other between two points of the path.

    Args:
        z: atomic numbers [N].
        start: positions [N, 3] in Å, at 0.
        end: positions [N, 3] in Å, at 1.
    """

    def __init__(self, z: Tensor, start: Array, end: Array) -> None:
        self._z = z
        self._centers = start.mean(0), end.mean(0)
        self._start, end = start - self._centers[0], end - self._centers[1]
        turn = best_rotation(self._start, end)
        self._end = end @ turn
        self._turn = Slerp([0, 1], Rotation.from_matrix(np.stack([np.eye(3), turn])))
        topology = Topology.of(z, np.stack([self._start, self._end]))
        self._topology = topology
        self._pairs = np.stack(triu(topology.near, 1).nonzero(), 1)
        self._turns = local_turns(self._start, self._end, topology)
        self._incidence = incidence(self._pairs, len(z))
        kept = kept_torsions(self._start, self._end, topology)
        self._held = incidence(np.concatenate([self._pairs, kept]), len(z))
        bonded = topology.are_bonded(self._pairs)
        self._stiffness = np.concatenate([np.where(bonded, _BOND, _ANGLE), np.full(len(kept), _TORSION)])
        normal = self._incidence.T @ self._incidence + _HOLD * identity(len(z))
        self._solver = splu(normal.tocsc())

    def __call__(self, share: float) -> Array:
        """The positions [N, 3] in Å at ``share`` of the way, from 0 to 1."""
        straight = (1 - share) * self._start + share * self._end
        edges = (self._edges(share, 0) + self._edges(share, 1)) / 2
        guess = self._solver.solve(self._incidence.T @ edges + _HOLD * straight)
        ends = self._start, self._end
        lengths = [np.linalg.norm(self._held @ end, axis=1) for end in ends]
        between = (1 - share) * lengths[0] + share * lengths[1]
        body = relaxed(guess, Restraints(self._held, between, self._stiffness), self._z, ends, self._topology)
        center = (1 - share) * self._centers[0] + share * self._centers[1]
        return body @ self._turn(share).as_matrix().T + center

    def _edges(self, share: float, side: int) -> Array:
        turns = self._turns[self._pairs[:, side]]
        forth, back = Rotation.from_rotvec(share * turns), Rotation.from_rotvec((share - 1) * turns)
        first, last = self._incidence @ self._start, self._incidence @ self._end
        return (1 - share) * forth.apply(first) + share * back.apply(last)
