"""Pairs of points of a crystal that are close to each other, across the faces of the cell too."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MAX_PAIRS = 20_000_000


class Contacts(NamedTuple):
    """Pairs of points.

    Attributes:
        first: [P] rows of the first points.
        second: [P] rows of the second points.
        shift: [P, 3] lattice translation of the second point.
        distance: [P] distance in Å.
    """

    first: np.ndarray
    second: np.ndarray
    shift: np.ndarray
    distance: np.ndarray


def periodic_contacts(first: np.ndarray, second: np.ndarray, cell: np.ndarray, cutoff: float) -> Contacts:
    """All pairs of a point of ``first`` and a lattice translate of a point of ``second`` closer than ``cutoff``.

    Args:
        first: [N, 3] fractional coordinates.
        second: [M, 3] fractional coordinates.
        cell: [3, 3] cell vectors in rows, in Å.
        cutoff: distance in Å.

    Raises:
        ValueError: there are more than ``MAX_PAIRS`` pairs.
    """
    from scipy.spatial import cKDTree

    margin = cutoff * np.linalg.norm(np.linalg.inv(cell), axis=0)
    reach = np.ceil(margin).astype(int)
    home_first, home_second = np.floor(first), np.floor(second)
    images, rows, shifts = [], [], []
    for shift in np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), -1).reshape(-1, 3):
        moved = second - home_second + shift
        near = np.flatnonzero(((moved >= -margin) & (moved <= 1 + margin)).all(axis=1))
        images.append(moved[near])
        rows.append(near)
        shifts.append(np.broadcast_to(shift, (len(near), 3)) - home_second[near])
    moved, row, shift = np.concatenate(images), np.concatenate(rows), np.concatenate(shifts)
    tree, other = cKDTree((first - home_first) @ cell), cKDTree(moved @ cell)
    count = tree.count_neighbors(other, cutoff)
    if count > MAX_PAIRS:
        raise ValueError(
            f"atoms: expected atoms apart from each other, got {count} pairs closer than {cutoff:.2f} Å; correct the "
            "coordinates or the cell"
        )
    close = tree.sparse_distance_matrix(other, cutoff, output_type="coo_matrix")
    return Contacts(close.row, row[close.col], shift[close.col] + home_first[close.row], close.data)
