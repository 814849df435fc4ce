"""Anions placed around the cations of one atom, their charged atoms nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rdkit.Chem import Mol

DISTANCE = 2.6
"""Å between a cation and the charged atom of an anion, from which the force fields find the minimum."""

APART = 10.0
"""Å from all other fragments at which a fragment has been driven off."""

_DIRECTIONS = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)], dtype=np.float64)


def ion_pairs(mol: Mol) -> list[list[tuple[int, ...]]]:
    """For each cation of one atom its row and the rows of its anions, at most six; without anions it is none."""
    from rdkit import Chem

    fragments = Chem.GetMolFrags(mol)
    charges = [sum(mol.GetAtomWithIdx(row).GetFormalCharge() for row in rows) for rows in fragments]
    pairs = [[rows] for rows, charge in zip(fragments, charges, strict=True) if len(rows) == 1 and charge > 0]
    left = [charge for rows, charge in zip(fragments, charges, strict=True) if len(rows) == 1 and charge > 0]
    for rows, charge in zip(fragments, charges, strict=True):
        free = [i for i, pair in enumerate(pairs) if len(pair) <= len(_DIRECTIONS)]
        if charge < 0 and free:
            most = max(free, key=lambda i: left[i])
            pairs[most].append(rows)
            left[most] += charge
    return [pair for pair in pairs if len(pair) > 1]


def surround(mol: Mol, pos: NDArray[np.float64], pair: list[tuple[int, ...]]) -> None:
    """Place the anions of a pair of `ion_pairs` around its cation, in ``pos`` [N, 3]."""
    (cation,), *anions = pair
    for rows, direction in zip(anions, _DIRECTIONS[: len(anions)], strict=True):
        site = min(rows, key=lambda row: mol.GetAtomWithIdx(row).GetFormalCharge())
        arms = pos[list(rows)] - pos[site]
        pos[list(rows)] = arms @ _turn(arms.mean(0), direction).T + pos[cation] + DISTANCE * direction


def driven_off(mol: Mol, pos: NDArray[np.float64]) -> bool:
    """Whether a fragment is farther than `APART` from all others."""
    from rdkit import Chem
    from scipy.spatial import cKDTree

    fragments = [list(rows) for rows in Chem.GetMolFrags(mol)]
    for rows in fragments if len(fragments) > 1 else ():
        others = np.delete(pos, rows, axis=0)
        if cKDTree(others).query(pos[rows])[0].min() > APART:
            return True
    return False


def _turn(vector: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation [3, 3] by half a turn that takes ``vector`` to a unit vector; none where it has no length."""
    length = np.linalg.norm(vector)
    if length < 1e-6:
        return np.eye(3)
    middle = vector / length + direction
    if middle @ middle < 1e-6:
        middle = np.cross(direction, np.eye(3)[np.abs(direction).argmin()])
    return 2 * np.outer(middle, middle) / (middle @ middle) - np.eye(3)
