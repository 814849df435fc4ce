"""Whether a structure without bonds lacks its hydrogens."""

from __future__ import annotations

import numpy as np
from torch_geometric.data import Data

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import bonds

BENT = 150.0
"""Angle in degrees below which a carbon with two neighbours misses a third."""

PYRAMID = 345.0
"""Sum of the angles in degrees below which a carbon with three neighbours misses a fourth; in C60 it is 348°."""


def lacks_hydrogens(data: Data) -> bool:
    """Whether a molecule has no hydrogens at carbon, but carbon whose bond angles call for some.

    Crystals are taken as complete, because the neighbours of their atoms may be in the next cell.

    Args:
        data: one molecule with ``z`` [N] and ``pos`` [N, 3] in Å.
    """
    z = data["z"].cpu().numpy()
    if not (z == 6).any() or ("pbc" in data and bool(data["pbc"].any())):
        return False
    pairs = bonds(AtomList(data["z"], data["pos"]))
    if (np.sort(z[pairs], axis=1) == (1, 6)).all(1).any():
        return False
    pos = data["pos"].detach().cpu().double().numpy()
    neighbours: list[list[int]] = [[] for _ in z]
    for first, second in pairs.tolist():
        neighbours[first].append(second)
        neighbours[second].append(first)
    return any(_is_open(pos[neighbours[row]] - pos[row]) for row in np.flatnonzero(z == 6).tolist())


def _is_open(arms: np.ndarray) -> bool:
    if len(arms) not in (2, 3):
        return False
    arms = arms / np.linalg.norm(arms, axis=1, keepdims=True)
    angles = np.degrees(np.arccos(np.clip(arms @ arms.T, -1, 1)))[np.triu_indices(len(arms), 1)]
    return bool(angles.sum() < (BENT if len(arms) == 2 else PYRAMID))
