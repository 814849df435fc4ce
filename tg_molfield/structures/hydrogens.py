"""Whether a structure without bonds lacks its hydrogens."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

from tg_molfield.chem.apart import apart
from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import bonds

REACH = 1.47
"""Å within which a hydrogen is bonded to carbon: the sum of their radii and the tolerance of `bonds`."""

BENT = 150.0
"""Angle in degrees below which a carbon with two neighbours misses a third."""

PYRAMID = 345.0
"""Sum of the angles in degrees below which a carbon with three neighbours misses a fourth; in C60 it is 348°."""

AROMATIC = 1.47
"""Å below which a bond to carbon is not one of saturated carbon; every atom of a small fullerene has such a bond."""

TRIPLE = 1.22
"""Å below which carbon has no other neighbour than this N or O: carbon monoxide, cyanide, isocyanides."""

SINGLE = {6: 1.45, 7: 1.42, 8: 1.38, 14: 1.75, 15: 1.75, 16: 1.74}
"""Å from which a bond to carbon is one of saturated carbon, by element; in carbenes of amines they are shorter."""

_FEWEST = 3
"""Hydrogens that saturated carbons have to miss: a carbene misses two, a radical one."""


def hydrogens_got(data: Data) -> str:
    """`hydrogens_there` of a molecule; of crystals, the neighbours of whose atoms may be in the next cell, nothing.

    Args:
        data: one molecule with ``z`` [N] and ``pos`` [N, 3] in Å.
    """
    if "pbc" in data and bool(data["pbc"].any()):
        return ""
    return hydrogens_there(data["z"].cpu().numpy(), data["pos"].detach().cpu().double().numpy())


def hydrogens_there(z: NDArray[np.int64], pos: NDArray[np.float64]) -> str:
    """Which hydrogens a molecule has that lacks others, in words; empty where carbon calls for no more.

    Files of united atoms may have those of polar groups, or also those of aromatic rings. No carbon has two in them.

    Args:
        z: [N] atomic numbers.
        pos: [N, 3] in Å, of no crystal.
    """
    counts = hydrogens_at_carbon(z, pos)
    if len(z) <= 2 or not len(counts) or counts.max() > 1:
        return ""
    bare = np.flatnonzero(z == 6)[counts == 0].tolist()
    if not bare:
        return ""
    neighbours: list[list[int]] = [[] for _ in z]
    for first, second in bonds(AtomList(torch.from_numpy(z), torch.from_numpy(pos))).tolist():
        neighbours[first].append(second)
        neighbours[second].append(first)
    arms = ((pos[neighbours[row]] - pos[row], z[neighbours[row]]) for row in bare)
    if counts.any():
        missed = sum(4 - len(ends) for vectors, ends in arms if _are_single(vectors, ends) and _is_open(vectors, ends))
        return "none at saturated carbon" if missed >= _FEWEST else ""
    if not any(_is_open(vectors, ends) for vectors, ends in arms):
        return ""
    return "none at carbon" if (z == 1).any() else "none"


def hydrogens_at_carbon(
    z: NDArray[np.int64], pos: NDArray[np.float64], batch: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """How many hydrogens each carbon has, [C] in the order of the carbons among atoms ``z`` [N] at ``pos`` [N, 3]."""
    from scipy.spatial import cKDTree

    places = pos if batch is None else apart(pos, batch, REACH)
    carbon, hydrogen = places[z == 6], places[z == 1]
    if not len(carbon) or not len(hydrogen):
        return np.zeros(len(carbon), dtype=np.int64)
    found: NDArray[np.int64] = cKDTree(hydrogen).query_ball_point(carbon, REACH, return_length=True)
    return found


def may_lack_hydrogens(
    z: NDArray[np.int64], pos: NDArray[np.float64], batch: NDArray[np.int64], num_graphs: int
) -> NDArray[np.int64]:
    """The molecules that `hydrogens_there` has to look at, few where hydrogens are complete; found for all at once.

    Args:
        z: [N] atomic numbers.
        pos: [N, 3] in Å.
        batch: [N], the molecule of each atom.
        num_graphs: the number of molecules.
    """
    from scipy.spatial import cKDTree

    graphs, counts = batch[z == 6], hydrogens_at_carbon(z, pos, batch)
    most = np.zeros(num_graphs, dtype=np.int64)
    np.maximum.at(most, graphs, counts)
    bare = counts == 0
    heavy = apart(pos, batch, REACH)[z > 1]
    length, nearest = cKDTree(heavy).query(heavy[z[z > 1] == 6][bare], k=2) if bare.any() else np.zeros((2, 0, 2))
    least = np.array([SINGLE.get(number, np.inf) for number in range(int(z.max()) + 1)])
    ends = np.append(z[z > 1], 0)[nearest[:, 1].astype(np.int64)]
    doubtful = (most[graphs[bare]] == 0) | (length[:, 1] >= least[ends])
    found = graphs[bare][doubtful]
    return np.unique(found[most[found] < 2])


def _are_single(arms: NDArray[np.float64], ends: NDArray[np.int64]) -> bool:
    """Whether all ``arms`` [n, 3] are single bonds to elements ``ends`` [n] other than hydrogen and metals."""
    lengths = np.linalg.norm(arms, axis=1)
    return all(length >= SINGLE.get(end, np.inf) for length, end in zip(lengths, ends.tolist(), strict=True))


def _is_open(arms: NDArray[np.float64], ends: NDArray[np.int64]) -> bool:
    """Whether carbon with bonds ``arms`` [n, 3] to the elements ``ends`` [n] misses a neighbour."""
    lengths = np.linalg.norm(arms, axis=1)
    if len(arms) == 1:
        return not (ends[0] in (7, 8) and lengths[0] < TRIPLE)
    if len(arms) not in (2, 3) or (len(arms) == 3 and (lengths[ends == 6] < AROMATIC).any()):
        return False
    directions = arms / lengths[:, None]
    angles = np.degrees(np.arccos(np.clip(directions @ directions.T, -1, 1)))[np.triu_indices(len(arms), 1)]
    return bool(angles.sum() < (BENT if len(arms) == 2 else PYRAMID))
