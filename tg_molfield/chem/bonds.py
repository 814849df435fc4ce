"""Bonds from interatomic distances, without bond orders or valences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.elements import element_property
from tg_molfield.chem.metals import is_metal

_TOLERANCE = 0.4
MAX_Z_WITH_RADIUS = 96


def bonds(atoms: AtomList) -> NDArray[np.int64]:
    """The pairs [B, 2] of atoms, dummies excluded, within the sum of their covalent radii plus 0.4 Å."""
    from scipy.spatial import cKDTree

    pos = atoms.pos.detach().cpu().double().numpy()
    if len(pos) < 2:
        return np.empty((0, 2), dtype=np.int64)
    radii = element_property("covalent_radius", atoms.z.cpu().clamp(1, MAX_Z_WITH_RADIUS)).numpy()
    pairs = cKDTree(pos).query_pairs(2 * float(radii.max()) + _TOLERANCE, output_type="ndarray")
    first, second = pairs.T
    near = np.linalg.norm(pos[first] - pos[second], axis=1) <= radii[first] + radii[second] + _TOLERANCE
    real = atoms.z.cpu().numpy() > 0
    return pairs[near & real[first] & real[second]].astype(np.int64)


def drawn_bonds(atoms: AtomList) -> NDArray[np.int64]:
    """`bonds` without those between metals of which one is bonded to another element than a metal.

    The metals of oxides and salts lie within the sum of their large radii, and are not bonded.
    """
    pairs = bonds(atoms)
    metals = is_metal(atoms.z.cpu().numpy())[pairs]
    combined = np.zeros(len(atoms.z), dtype=bool)
    combined[pairs[metals.sum(1) == 1]] = True
    return pairs[~(metals.all(1) & combined[pairs].any(1))]
