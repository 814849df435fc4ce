"""Whether a structure without bonds lacks its hydrogens."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

from tg_molfield.chem.apart import apart
from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import bonds
from tg_molfield.chem.components import components
from tg_molfield.chem.metals import is_metal

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

BONDED = 1.97
"""Å within which two heavy atoms are of one molecule: the longest bond of carbon to an element lighter than iodine."""

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
    """Which hydrogens a structure has that lacks others, in words; empty where carbon calls for no more.

    Each molecule of it is looked at, as a protein may have hydrogens that its ligand lacks. Files of united atoms may
    have those of polar groups, or also those of aromatic rings. No carbon has two in them.

    Args:
        z: [N] atomic numbers.
        pos: [N, 3] in Å, of no crystal.
    """
    carbon = z == 6
    if len(z) <= 2 or not carbon.any():
        return ""
    counts = np.zeros(len(z), dtype=np.int64)
    counts[carbon] = hydrogens_at_carbon(z, pos)
    part = _molecules(z, pos, np.zeros_like(z))
    most = np.zeros(len(z), dtype=np.int64)
    np.maximum.at(most, part[carbon], counts[carbon])
    doubtful = carbon & (counts == 0) & (most[part] < 2)
    if not doubtful.any():
        return ""
    neighbours: list[list[int]] = [[] for _ in z]
    for first, second in bonds(AtomList(torch.from_numpy(z), torch.from_numpy(pos))).tolist():
        neighbours[first].append(second)
        neighbours[second].append(first)
    lacks: dict[int, str] = {}
    for one in np.unique(part[doubtful]).tolist():
        bare = np.flatnonzero(doubtful & (part == one)).tolist()
        arms = [(pos[neighbours[row]] - pos[row], z[neighbours[row]]) for row in bare]
        if most[one]:
            missed = sum(
                4 - len(ends) for vectors, ends in arms if _are_single(vectors, ends) and _is_open(vectors, ends)
            )
            lacks |= {one: "none at saturated carbon"} if missed >= _FEWEST else {}
        elif any(_is_open(vectors, ends) for vectors, ends in arms):
            lacks[one] = "none at carbon"
    return _told(z, part, most, lacks)


def _told(z: NDArray[np.int64], part: NDArray[np.int64], most: NDArray[np.int64], lacks: dict[int, str]) -> str:
    """What the molecules lack together, and which one does where others are complete."""
    if not lacks:
        return ""
    if not (z == 1).any():
        return "none"
    heavy = np.bincount(part[z > 1], minlength=len(z))
    largest = max(lacks, key=lambda one: int(heavy[one]))
    complete = set(np.flatnonzero(most).tolist()) - lacks.keys()
    return lacks[largest] + (f" in a molecule of {heavy[largest]} heavy atoms" if complete else "")


def _molecules(z: NDArray[np.int64], pos: NDArray[np.float64], batch: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number [N] of the molecule of each atom, by bonds between heavy atoms that are no metals."""
    from scipy.spatial import cKDTree

    heavy = np.flatnonzero((z > 1) & ~is_metal(z))
    pairs = cKDTree(apart(pos[heavy], batch[heavy], BONDED)).query_pairs(BONDED, output_type="ndarray")
    return components(heavy[pairs], len(z))


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


def may_lack_hydrogens(z: NDArray[np.int64], pos: NDArray[np.float64], batch: NDArray[np.int64]) -> NDArray[np.int64]:
    """The structures that `hydrogens_there` has to look at, few where hydrogens are complete; found for all at once.

    Args:
        z: [N] atomic numbers.
        pos: [N, 3] in Å.
        batch: [N], the structure of each atom.
    """
    from scipy.spatial import cKDTree

    carbon = np.flatnonzero(z == 6)
    counts, part = hydrogens_at_carbon(z, pos, batch), _molecules(z, pos, batch)[carbon]
    most = np.zeros(len(z), dtype=np.int64)
    np.maximum.at(most, part, counts)
    chosen = (counts == 0) & (most[part] < 2)
    if not chosen.any():
        return np.zeros(0, dtype=np.int64)
    bare, has_none = carbon[chosen], most[part[chosen]] == 0
    heavy = np.flatnonzero(z > 1)
    places = apart(pos, batch, REACH)
    length, nearest = cKDTree(places[heavy]).query(places[bare], k=2)
    least = np.array([SINGLE.get(number, np.inf) for number in range(int(z.max()) + 1)])
    ends = np.append(z[heavy], 0)[nearest[:, 1].astype(np.int64)]
    return np.unique(batch[bare[has_none | (length[:, 1] >= least[ends])]])


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
