"""Positions as arrays, and their principal axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tg_molfield.chem.atoms import AtomList

Array = NDArray[np.float64]


def positions(atoms: AtomList) -> Array:
    """The positions [N, 3] in Å as an array."""
    return atoms.pos.detach().cpu().double().numpy()


def principal_axes(pos: Array) -> Array:
    """The right-handed principal axes [3, 3] of positions [N, 3], one per row, the longest extent first."""
    centred = pos - pos.mean(0)
    axes = np.linalg.eigh(centred.T @ centred)[1].T[::-1].copy()
    for axis in axes[:2]:
        axis *= np.sign(axis[np.abs(axis).argmax()])
    axes[2] = np.cross(axes[0], axes[1])
    return axes
