"""Anions placed around the cations of one atom, their charged atoms nearest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rows = tuple[int, ...]

DISTANCE = 2.6
"""Å between a cation and the charged atom of an anion, from which force fields find the minimum."""

APART = 10.0
"""Å from all other fragments at which a fragment has been driven off."""

_DIRECTIONS = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)], dtype=np.float64)


def ion_pairs(fragments: Sequence[Rows], charges: Sequence[int]) -> list[list[Rows]]:
    """For each cation of one atom its row and the rows of its anions, at most six; cations without anions are left out.

    Args:
        fragments: the rows of the atoms of each.
        charges: [N] of the atoms, in e.
    """
    totals = [sum(charges[row] for row in rows) for rows in fragments]
    cations = [i for i, rows in enumerate(fragments) if len(rows) == 1 and totals[i] > 0]
    pairs, left = [[fragments[i]] for i in cations], [totals[i] for i in cations]
    for rows, total in zip(fragments, totals, strict=True):
        free = [i for i, pair in enumerate(pairs) if len(pair) <= len(_DIRECTIONS)]
        if total < 0 and free:
            most = max(free, key=lambda i: left[i])
            pairs[most].append(rows)
            left[most] += total
    return [pair for pair in pairs if len(pair) > 1]


def surround(pos: NDArray[np.float64], pair: list[Rows], charges: Sequence[int]) -> None:
    """Place the anions of a pair of `ion_pairs` around its cation, in ``pos`` [N, 3]."""
    (cation,), *anions = pair
    for rows, direction in zip(anions, _DIRECTIONS[: len(anions)], strict=True):
        site = min(rows, key=lambda row: charges[row])
        arms = pos[list(rows)] - pos[site]
        pos[list(rows)] = arms @ _turn(arms.mean(0), direction).T + pos[cation] + DISTANCE * direction


def driven_off(pos: NDArray[np.float64], fragments: Sequence[Rows]) -> bool:
    """Whether one of several fragments is farther than `APART` from all others."""
    from scipy.spatial import cKDTree

    if len(fragments) < 2:
        return False
    parts = [list(rows) for rows in fragments]
    return any(cKDTree(np.delete(pos, rows, axis=0)).query(pos[rows])[0].min() > APART for rows in parts)


def _turn(vector: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation [3, 3] by half a turn that takes ``vector`` to a unit vector; none where it has no length."""
    length = np.linalg.norm(vector)
    if length < 1e-6:
        return np.eye(3)
    middle = vector / length + direction
    if middle @ middle < 1e-6:
        middle = np.cross(direction, np.eye(3)[np.abs(direction).argmin()])
    return 2 * np.outer(middle, middle) / (middle @ middle) - np.eye(3)
