"""Elements by the masses of a topology, where names do not tell them."""

from __future__ import annotations

import numpy as np
import torch

from tg_molfield.chem.elements import element_property

_SAME = 0.05
"""Difference in u up to which a mass is that of an element; the masses of force fields are rounded to 0.01."""

_HYDROGEN = 1.008
_LEAST, _MOST, _MOST_HYDROGEN = 0.4, 1.4, 4.1
"""Ratios of the mass of an atom to that of its element, with mass shifted to hydrogens or hydrogens in the atom."""

_HEAVIEST = 96


def checked_by_mass(z: np.ndarray, guessed: np.ndarray, masses: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The elements, of which unknown and guessed ones are those of the masses; guesses that these rule out are unknown.

    Masses tell the element where there are hydrogens of 1.008 u, and none that were made heavier.

    Args:
        z: [N] atomic numbers; 0 where unknown.
        guessed: [N] whether the atom name alone gave the element.
        masses: [N] in u, or None.

    Returns:
        The atomic numbers, and which of them are still guessed.
    """
    if masses is None:
        return z, guessed
    known = element_property("mass", torch.arange(1, _HEAVIEST + 1)).numpy()
    if _are_plain(masses):
        distinct, back = np.unique(masses, return_inverse=True)
        difference = np.abs(distinct[:, None] - known[None])
        certain = (difference.min(1) <= _SAME)[back.reshape(-1)]
        taken = certain & ((z == 0) | guessed)
        z, guessed = np.where(taken, (difference.argmin(1) + 1)[back.reshape(-1)], z), guessed & ~taken
    ratio = masses / known[np.clip(z, 1, _HEAVIEST) - 1]
    possible = (ratio >= _LEAST) & (ratio <= np.where(z == 1, _MOST_HYDROGEN, _MOST))
    ruled_out = guessed & (masses > 0) & ~possible
    return np.where(ruled_out, 0, z), guessed & ~ruled_out


def _are_plain(masses: np.ndarray) -> bool:
    heavy_hydrogens = (masses > 1.5) & (masses < 3.9) & (np.abs(masses - 2.014) > _SAME)
    return bool((np.abs(masses - _HYDROGEN) <= _SAME).any()) and not bool(heavy_hydrogens.any())
