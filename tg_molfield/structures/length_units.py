"""Whether positions are in Å, or in another unit of length by mistake."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tg_molfield.chem.elements import element_property
from tg_molfield.chem.units import BOHR

FACTORS = {"nm": 10.0, "bohr": BOHR, "pm": 0.01}
"""The length of each unit in Å."""

_MAX_Z_WITH_RADIUS = 96

_BOND = (0.7, 1.25)
"""The length of a bond in parts of the sum of the covalent radii."""

_TO_HYDROGEN = (0.9, 1.16)
"""The same for hydrogen, from HBr to the bridges of B2H6."""

_SHARE = 0.9
"""The part of the atoms whose nearest neighbour is as far as a bond, if lengths are in that unit."""

_FEWEST = 3
"""H2 with 1.4 Å is a point of many dissociation curves, and its bond has 1.4 bohr."""


def wrong_length_unit(z: NDArray[np.int64], pos: NDArray[np.float64]) -> str:
    """The unit, a key of ``FACTORS``, in which positions seem to be instead of Å; empty if nothing speaks for one.

    It is one in which nearly all atoms have a bond, where none has one in Å. Atoms without bonds may be as far apart
    as bonds in bohr or pm: noble gases, beads, the oxygens of waters alone. But hydrogen has bonds, of lengths that
    hardly vary, so there must be some, beside other elements. Nothing is as close as bonds in nm. Only atoms in the
    cell count.

    Args:
        z: [N] atomic numbers.
        pos: [N, 3] in Å, or so they should be.
    """
    if len(z) < _FEWEST or not len(may_have_another_unit(z, pos, np.zeros_like(z), 1)):
        return ""
    ratios = _nearest(z, pos)
    if _are_bonds(ratios).any():
        return ""
    units = FACTORS if 0 < (z == 1).sum() < len(z) else ("nm",)
    return next((unit for unit in units if _are_molecules(z, FACTORS[unit] * ratios)), "")


def may_have_another_unit(
    z: NDArray[np.int64], pos: NDArray[np.float64], batch: NDArray[np.int64], num_graphs: int
) -> NDArray[np.int64]:
    """The molecules, each with atoms, that `wrong_length_unit` has to look at: whose first atom has no bond.

    Args:
        z: [N] atomic numbers.
        pos: [N, 3] in Å, or so they should be.
        batch: [N], sorted: the molecule of each atom.
        num_graphs: the number of molecules.
    """
    count = np.bincount(batch, minlength=num_graphs)
    first = (count.cumsum() - count)[batch]
    ratios = np.linalg.norm(pos - pos[first], axis=1) / _bond_lengths(z, z[first])
    return np.flatnonzero(np.bincount(batch, weights=_are_bonds(ratios), minlength=num_graphs) == 0)


def length_unit_fault(z: Tensor, pos: Tensor) -> str:
    """What is wrong with positions in another unit than Å, or an empty text.

    Args:
        z: [N] int64.
        pos: [N, 3] in Å, or so they should be.
    """
    unit = wrong_length_unit(z.cpu().numpy(), pos.detach().cpu().double().numpy())
    if not unit:
        return ""
    return f"pos: expected positions in Å, got distances that are bonds in {unit} (1 {unit} = {FACTORS[unit]:.6g} Å)"


def length_unit_notes(z: Tensor, pos: Tensor) -> list[str]:
    """The same as a note with what to do, or none; arguments as for `length_unit_fault`."""
    fault = length_unit_fault(z, pos)
    return [f"{fault}; convert them"] if fault else []


def _nearest(z: NDArray[np.int64], pos: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance [N] of each atom from its nearest neighbour, in parts of the length of a bond."""
    from scipy.spatial import cKDTree

    distance, neighbor = cKDTree(pos).query(pos, k=2)
    return distance[:, 1] / _bond_lengths(z, z[neighbor[:, 1]])


def _bond_lengths(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    return _radii(first) + _radii(second)


def _radii(z: NDArray[np.int64]) -> NDArray[np.float64]:
    return element_property("covalent_radius", torch.from_numpy(z.clip(1, _MAX_Z_WITH_RADIUS))).double().numpy()


def _are_molecules(z: NDArray[np.int64], ratios: NDArray[np.float64]) -> bool:
    return bool(_are_bonds(ratios).mean() >= _SHARE and _are_bonds(ratios[z == 1], _TO_HYDROGEN).all())


def _are_bonds(ratios: NDArray[np.float64], limits: tuple[float, float] = _BOND) -> NDArray[np.bool_]:
    return (ratios > limits[0]) & (ratios < limits[1])
