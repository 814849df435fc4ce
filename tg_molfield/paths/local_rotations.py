"""Rotations of the surroundings of each atom from one frame to another."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import breadth_first_order
from scipy.spatial.transform import Rotation

from tg_molfield.paths.frames import Array
from tg_molfield.paths.superposition import best_rotation
from tg_molfield.paths.topology import Topology

_ZERO_ANGLE = 1e-9


def local_rotations(start: Array, end: Array, topology: Topology) -> Array:
    """The rotation vector [N, 3] in radians that best superposes the neighbours of each atom on those at the end.

    Neighbours are the atoms up to two bonds away. A rotation by θ about n equals one by 2π − θ about −n. Of these two,
    each atom takes the one nearer to the rotation of its parent in a breadth-first search over the bonds, which starts
    at the atom that rotates least. Vectors may therefore be longer than π.

    Args:
        start: positions [N, 3].
        end: positions [N, 3].
        topology: the bonds of the molecule.
    """
    rotations = np.zeros_like(start)
    for atom in range(len(start)):
        around = topology.neighbors(atom)
        if len(around) > 1:
            rotation = best_rotation(start[around] - start[atom], end[around] - end[atom])
            rotations[atom] = Rotation.from_matrix(rotation).as_rotvec()
    seen = np.zeros(len(start), dtype=bool)
    for root in np.linalg.norm(rotations, axis=1).argsort():
        if not seen[root]:
            order, parents = breadth_first_order(topology.graph, root, directed=False)
            seen[order] = True
            for atom in order[1:]:
                rotations[atom] = _nearer(rotations[atom], rotations[parents[atom]])
    return rotations


def _nearer(rotation: Array, parent: Array) -> Array:
    angle = np.linalg.norm(rotation)
    if angle < _ZERO_ANGLE:
        return rotation
    other = rotation * (1 - 2 * np.pi / angle)
    return other if np.linalg.norm(other - parent) < np.linalg.norm(rotation - parent) else rotation
