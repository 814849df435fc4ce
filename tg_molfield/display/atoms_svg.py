"""`atoms_svg`: atoms and bonds, seen along their shortest axis, as a small SVG; `atoms_picture` for cards."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import drawn_bonds
from tg_molfield.chem.elements import symbols
from tg_molfield.chem.principal_axes import positions, principal_axes
from tg_molfield.display.card import Picture, sized
from tg_molfield.display.colors import element_color

MAX_ATOMS = 300
"""Largest number of atoms that are drawn."""

_UNITS, _STICK, _ATOM, _HYDROGEN = 40, 9, 15, 9
"""Units to an Å, and the width of bonds and the radii of atoms in units."""


def atoms_svg(atoms: AtomList) -> str:
    """An ``<svg>`` without a size of its own, with 40 units to an Å; empty for no atoms or more than ``MAX_ATOMS``.

    Bonds are those of `drawn_bonds`, each half in the colour of its atom; atoms nearer to the eye cover those behind.
    """
    if not 0 < len(atoms.z) <= MAX_ATOMS or not bool(atoms.pos.isfinite().all()):
        return ""
    pos, numbers = positions(atoms), atoms.z.cpu().tolist()
    seen = (pos - pos.mean(0)) @ principal_axes(pos).T
    flat = np.round(seen[:, :2] * [_UNITS, -_UNITS]).astype(int) + 0
    parts: list[tuple[float, str]] = []
    for first, second in drawn_bonds(atoms).tolist():
        middle = (flat[first] + flat[second]) // 2
        for end in (first, second):
            course = f"M{flat[end][0]} {flat[end][1]}L{middle[0]} {middle[1]}"
            depth = min(seen[first, 2], seen[second, 2])
            parts.append((depth, f"<path stroke='{element_color(numbers[end])}' d='{course}'/>"))
    for (x, y), depth, z in zip(flat.tolist(), seen[:, 2].tolist(), numbers, strict=True):
        radius = _HYDROGEN if z == 1 else _ATOM
        title = f"<title>{symbols()[z]}</title>"
        parts.append((depth, f"<circle cx='{x}' cy='{y}' r='{radius}' fill='{element_color(z)}'>{title}</circle>"))
    low, high = flat.min(0) - 2 * _ATOM, flat.max(0) + 2 * _ATOM
    view = f"{low[0]} {low[1]} {high[0] - low[0]} {high[1] - low[1]}"
    drawn = "".join(part for _, part in sorted(parts, key=lambda part: part[0]))
    return f"<svg viewBox='{view}'><g stroke-width='{_STICK}' stroke-linecap='round'>{drawn}</g></svg>"


def atoms_picture(molecule: Any, caption: str = "atoms") -> list[Picture]:
    """The atoms of one molecule for a card; nothing where there are none, too many, or those of several molecules.

    Args:
        molecule: an `AtomList`, or a ``Data`` with ``z`` and ``pos``; or None.
        caption: below the picture.
    """
    z, pos = getattr(molecule, "z", None), getattr(molecule, "pos", None)
    if not isinstance(z, torch.Tensor) or not isinstance(pos, torch.Tensor):
        return []
    if getattr(molecule, "batch", None) is not None or not 0 < len(z) <= MAX_ATOMS:
        return []
    return [Picture(sized(atoms_svg(AtomList(z, pos)), height=120, width=160), caption)]
