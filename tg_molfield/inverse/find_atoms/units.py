"""Whether the distances of atoms that were found are bonds, or bonds in bohr that were read as Å."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from tg_molfield.chem.components import components
from tg_molfield.chem.elements import element_property
from tg_molfield.chem.units import BOHR

_NEIGHBORS = 8
_BOND = (0.7, 1.25)
"""The length of a bond in parts of the sum of the covalent radii."""
_BOND_OF_HYDROGEN = (0.88, 1.22)
"""The same for bonds of hydrogen, which are all single."""
_SHARE = 0.9
"""The part of the atoms that must have a bond, and be joined by bonds, if lengths are in that unit."""
_WIDE = 1.3
_FEWEST = 3


def length_factor(z: Tensor, pos: Tensor, width_ratio: float) -> float:
    """The factor that turns distances into those of a molecule: 0.529 for bohr, 1.89 for Å taken as bohr, else 1.

    It is 1 unless another one makes a single molecule of the atoms, of which none has a bond as they are. Atoms whose
    neighbours are of elements without a channel may be as far from each other as bonds in bohr, so wide peaks, or H and
    C, must agree with that.

    Args:
        z: [N] atomic numbers.
        pos: [N, 3].
        width_ratio: the least width of a channel in parts of the usual one.
    """
    if len(z) < _FEWEST:
        return 1.0
    may_be_bohr = width_ratio > _WIDE or bool((z == 1).any() and (z == 6).any())
    places = pos.detach().cpu().double().numpy()
    radii = element_property("covalent_radius", z.cpu()).numpy()
    distance, other = cKDTree(places).query(places, k=min(_NEIGHBORS, len(z)))
    distance, other = distance[:, 1:], other[:, 1:]
    ratios = distance / (radii[:, None] + radii[other])
    is_hydrogen = (z == 1).cpu().numpy()
    for factor in (BOHR, 1 / BOHR) if may_be_bohr else (1 / BOHR,):
        if _is_molecule(factor * ratios, other, is_hydrogen) and not _are_within(ratios.min(1), _BOND).any():
            return factor
    return 1.0


def _are_within(ratios: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.bool_]:
    return (ratios > limits[0]) & (ratios < limits[1])


def _is_molecule(ratios: NDArray[np.float64], other: NDArray[np.int64], is_hydrogen: NDArray[np.bool_]) -> bool:
    """Whether nearly all atoms have bonds as their nearest neighbours, hydrogens one, and are joined by these."""
    of_hydrogen = is_hydrogen[:, None] | is_hydrogen[other]
    bonds = np.where(of_hydrogen, _are_within(ratios, _BOND_OF_HYDROGEN), _are_within(ratios, _BOND))
    nearest = bonds[np.arange(len(ratios)), ratios.argmin(1)]
    bridging = is_hydrogen & (bonds.sum(1) > 1)
    if (nearest & ~bridging).mean() < _SHARE:
        return False
    rows, columns = np.nonzero(bonds)
    groups = components(np.stack([rows, other[rows, columns]], axis=1), len(ratios))
    return bool(np.bincount(groups).max() >= _SHARE * len(ratios))
