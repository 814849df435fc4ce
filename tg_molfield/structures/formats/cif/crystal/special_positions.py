"""Sites on special positions, which several operators leave in place: put there exactly, and each image taken once."""

from __future__ import annotations

import numpy as np

from tg_molfield.structures.formats.cif.crystal.disorder import SAME_ATOM
from tg_molfield.structures.formats.cif.crystal.operators import SymmetryOperators
from tg_molfield.structures.formats.cif.crystal.sites import Sites

SPECIAL = 0.1
"""Distance in Å up to which rounded coordinates may be off a special position without a note."""

MAX_STEPS = 8
CHUNK = 100_000
"""Number of images that are made at a time."""


def on_special_positions(
    sites: Sites, operators: SymmetryOperators, cell: np.ndarray, kept: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Fractional coordinates [N, 3], exact on special positions, and [N] whether images of a site coincide."""
    fract, special = sites.fract.copy(), np.zeros(len(sites.fract), dtype=np.bool_)
    step = max(1, CHUNK // len(operators))
    for start in range(0, len(fract), step):
        _, near = _own_images(operators, fract[start : start + step], cell)
        special[start : start + step] = near.sum(axis=1) > 1
    farthest = (SPECIAL, "")
    for row in np.flatnonzero(special & kept.all(axis=1)):
        for _ in range(MAX_STEPS):
            shift, near = _own_images(operators, fract[row][None], cell)
            fract[row] += shift[near].mean(axis=0)
            if np.linalg.norm(shift[near] @ cell, axis=1).max() < 1e-6:
                break
        moved = float(np.linalg.norm((fract[row] - sites.fract[row]) @ cell))
        farthest = max(farthest, (moved, sites.labels[row]))
    if farthest[1]:
        notes.append(
            f"site {farthest[1][:40]!r}: expected full occupancy on a special position or far from it, got a site "
            f"{farthest[0]:.2f} Å off one; it was put there"
        )
    return fract, special


def different_images(images: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """[K, 3] the images [n, 3] of a site without those that are the same atom as an earlier one."""
    chosen = images[:1]
    for image in images[1:]:
        shift = chosen - image
        if np.linalg.norm((shift - np.rint(shift)) @ cell, axis=1).min() > SAME_ATOM:
            chosen = np.concatenate([chosen, image[None]])
    return chosen


def check_multiplicity(sites: Sites, counts: np.ndarray, kept: np.ndarray, notes: list[str]) -> None:
    """Note sites with another number of images than the file gives; some programs give operators per image."""
    wrong = np.isfinite(sites.multiplicity) & (sites.multiplicity != counts)
    wrong &= kept.all(axis=1) & (sites.multiplicity * counts != kept.shape[1])
    if wrong.any():
        row = int(wrong.argmax())
        notes.append(
            f"site {sites.labels[row][:40]!r}: expected {sites.multiplicity[row]:g} images in the cell, as "
            f"_atom_site_symmetry_multiplicity gives, got {counts[row]}; check the symmetry and its origin"
        )


def _own_images(operators: SymmetryOperators, fract: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shifts [N, n, 3] from sites to their nearest images by the operators, and [N, n] whether these are the site."""
    shift = operators.images(fract) - fract[:, None]
    shift -= np.rint(shift)
    return shift, np.linalg.norm(shift @ cell, axis=2) <= SAME_ATOM
