"""The cell of a crystal block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tg_molfield.structures.formats.cif.items import item, number

if TYPE_CHECKING:
    import gemmi

MIN_SPACING = 1.0
"""Smallest distance of opposite faces of a cell in Å."""

MAX_LENGTH = 1e5
"""Largest length of a cell in Å."""

VOLUME = 0.02
"""Largest relative difference from the volume that the file gives."""


def read_cell(block: gemmi.cif.Block, notes: list[str]) -> np.ndarray | None:
    """[3, 3] cell vectors in rows, a along x and b in the xy plane; ``None`` if the block has none.

    Angles that are missing are 90°, as the CIF dictionary defines, with a note.
    """
    import gemmi

    names = [*(f"length_{axis}" for axis in "abc"), *(f"angle_{angle}" for angle in ("alpha", "beta", "gamma"))]
    texts = [item(block, "_cell", name) for name in names]
    if not any(texts[:3]):
        return None
    missing = [f"_cell_{name}" for name, text in zip(names[3:], texts[3:], strict=True) if not text]
    if missing:
        notes.append(f"{missing[0]}: expected three angles, got {3 - len(missing)}; 90° was taken, add the angles")
    texts[3:] = [text or "90" for text in texts[3:]]
    values = [number(text, f"_cell_{name}") for name, text in zip(names, texts, strict=True)]
    cell, spacing = np.zeros((3, 3)), 0.0
    if all(0 < length <= MAX_LENGTH for length in values[:3]) and all(0 < angle < 180 for angle in values[3:]):
        cell = np.array(gemmi.UnitCell(*values).orth.mat.tolist()).T
        if np.isfinite(cell).all() and np.linalg.det(cell) > 0:
            spacing = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0).max()
    if values[:3] == [1, 1, 1] or not spacing >= MIN_SPACING:
        raise ValueError(
            "_cell_length_a: expected the cell of the crystal, got one that no crystal has "
            f"({', '.join(text[:12] or '?' for text in texts)}); correct the cell parameters"
        )
    given, volume = number(item(block, "_cell", "volume"), "_cell_volume"), np.linalg.det(cell)
    if abs(given / volume - 1) > VOLUME:
        notes.append(
            f"_cell_volume: expected the {volume:.1f} Å³ of the cell parameters, got {given:g}; check the parameters"
        )
    return cell
