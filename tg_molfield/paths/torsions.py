"""Torsions that two conformers have in common: double bonds, rings, and single bonds that do not rotate."""

from __future__ import annotations

import numpy as np

from tg_molfield.paths.frames import Array, Indices
from tg_molfield.paths.topology import Topology

_SAME = np.radians(30.0)


def torsion_angles(pos: Array, chains: Indices) -> Array:
    """The torsion angles [T] in radians, from −π to π, of chains of four atoms [T, 4] at positions [N, 3]."""
    one, middle, two = np.diff(pos[chains], axis=1).transpose(1, 0, 2)
    before, after = np.cross(one, middle), np.cross(middle, two)
    along = (np.cross(before, after) * middle).sum(1) / np.linalg.norm(middle, axis=1).clip(1e-12)
    return np.arctan2(along, (before * after).sum(1))


def conserved_torsions(start: Array, end: Array, topology: Topology) -> Indices:
    """The outer atoms [P, 2] of all torsions that differ by less than 30° between two conformers.

    Args:
        start: positions [N, 3].
        end: positions [N, 3].
        topology: the bonds; pairs that are also one or two bonds apart, as in small rings, are left out.
    """
    chains = _chains(topology)
    turned = np.abs(torsion_angles(start, chains) - torsion_angles(end, chains))
    same = np.minimum(turned, 2 * np.pi - turned) < _SAME
    pairs = np.unique(np.sort(chains[same][:, [0, 3]], axis=1), axis=0)
    return topology.far_apart(pairs)


def _chains(topology: Topology) -> Indices:
    around = [topology.bonded(atom) for atom in range(topology.graph.shape[0])]
    chains = [
        (first, second, third, last)
        for second, third in topology.bonds.tolist()
        for first in around[second]
        for last in around[third]
        if first != third and last != second and first != last
    ]
    return np.array(chains, dtype=np.int64).reshape(-1, 4)
