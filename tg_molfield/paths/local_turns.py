"""How the surroundings of each atom turn from one frame to another, neighbours turning the same way round."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import breadth_first_order
from scipy.spatial.transform import Rotation

from tg_molfield.paths.frames import Array
from tg_molfield.paths.superposition import best_rotation
from tg_molfield.paths.topology import Topology

_STILL = 1e-9


def local_turns(start: Array, end: Array, topology: Topology) -> Array:
    """A rotation vector [N, 3] for each atom: its neighbours up to two bonds away, laid on those at the end.

    A turn by θ about n is one by 2π − θ about −n. Of the two, an atom takes that nearer to the turn of the bonded
    atom through which it is reached from the stillest atom of its molecule; lengths above π are therefore possible.

    Args:
        start: positions [N, 3].
        end: positions [N, 3].
        topology: the bonds.
    """
    turns = np.zeros_like(start)
    for atom in range(len(start)):
        around = topology.neighbors(atom)
        if len(around) > 1:
            turn = best_rotation(start[around] - start[atom], end[around] - end[atom])
            turns[atom] = Rotation.from_matrix(turn).as_rotvec()
    seen = np.zeros(len(start), dtype=bool)
    for root in np.linalg.norm(turns, axis=1).argsort():
        if not seen[root]:
            order, parents = breadth_first_order(topology.graph, root, directed=False)
            seen[order] = True
            for atom in order[1:]:
                turns[atom] = _nearer(turns[atom], turns[parents[atom]])
    return turns


def _nearer(turn: Array, parent: Array) -> Array:
    angle = np.linalg.norm(turn)
    if angle < _STILL:
        return turn
    other = turn * (1 - 2 * np.pi / angle)
    return other if np.linalg.norm(other - parent) < np.linalg.norm(turn - parent) else turn
