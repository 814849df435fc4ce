"""Whether a structure without bonds lacks its hydrogens."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

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

_TRIED = 4
"""Hydrogens that are looked at first: most molecules have one at carbon among them."""


def lacks_hydrogens(data: Data) -> bool:
    """Whether a molecule has no hydrogens at carbon, but carbon whose bonds call for some.

    Crystals are taken as complete, because the neighbours of their atoms may be in the next cell.

    Args:
        data: one molecule with ``z`` [N] and ``pos`` [N, 3] in Å.
    """
    if "pbc" in data and bool(data["pbc"].any()):
        return False
    return misses_hydrogens(data["z"].cpu().numpy(), data["pos"].detach().cpu().double().numpy())


def misses_hydrogens(z: NDArray[np.int64], pos: NDArray[np.float64]) -> bool:
    """The same of atoms ``z`` [N] at ``pos`` [N, 3] in Å that are no crystal; quick where hydrogens are at carbon."""
    carbon = np.flatnonzero(z == 6)
    if len(z) <= 2 or not len(carbon) or _are_near(pos[z == 1][:_TRIED], pos[carbon]):
        return False
    pairs = bonds(AtomList(torch.from_numpy(z), torch.from_numpy(pos)))
    if (np.sort(z[pairs], axis=1) == (1, 6)).all(1).any():
        return False
    neighbours: list[list[int]] = [[] for _ in z]
    for first, second in pairs.tolist():
        neighbours[first].append(second)
        neighbours[second].append(first)
    return any(_is_open(pos[neighbours[row]] - pos[row], z[neighbours[row]]) for row in carbon.tolist())


def _are_near(hydrogen: NDArray[np.float64], carbon: NDArray[np.float64]) -> bool:
    return bool((np.square(hydrogen[:, None] - carbon).sum(-1) < REACH**2).any())


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
