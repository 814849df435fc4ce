"""The definition of a field and its grid in words, for captions."""

from __future__ import annotations

from typing import Any

from tg_molfield.fields.definition import MolField
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.presets import PRESETS
from tg_molfield.fields.volume import Volume

_SUMS = {
    "sum": "sum over atoms of",
    "union": "1 − Π (1 − φ) over atoms, φ being",
    "maximum": "maximum over atoms of",
}


def described(volume: Volume) -> str:
    """What the values of a volume are, and its grid."""
    return " ".join(part for part in (in_words(volume.mol_field), of_grid(volume.grid)) if part)


def in_words(definition: Any) -> str:
    """The preset of a `MolField`, how it adds up atoms, its kernel and its widths; nothing of anything else."""
    if not isinstance(definition, MolField):
        return ""
    name = next((name for name in PRESETS if MolField.preset(name) == definition), "")
    parts = [f"preset {name}" if name else "", _rule(definition), _widths(definition)]
    if definition.order > 1:
        parts.append(f"overlaps of up to {definition.order} atoms counted once")
    if definition.normalize_grid_size is not None:
        parts.append(f"each channel over its maximum on {definition.normalize_grid_size}³ nodes")
    sentence = ", ".join(part for part in parts if part)
    return sentence[0].upper() + sentence[1:] + "."


def of_grid(grid: Grid) -> str:
    """The nodes of a grid and the steps between them."""
    steps = sorted({f"{step:.3g}" for step in grid.axes_tensor().norm(dim=1).tolist()}, key=float)
    return f"{'×'.join(map(str, grid.shape))} nodes, steps of {' and '.join(steps)} Å."


def _rule(definition: MolField) -> str:
    centers = "atoms" if definition.centers == "atoms" else "pharmacophore features"
    if definition.aggregate == "distance":
        smooth = f", smoothed over {definition.smoothness:g} Å" if definition.smoothness else ""
        return f"signed distance to the nearest sphere, negative inside{smooth}"
    if definition.aggregate == "displacement":
        return "vector to the nearest atom"
    if definition.form_factors is not None:
        return f"{_SUMS[definition.aggregate]} {definition.form_factors}"
    return f"{_SUMS[definition.aggregate]} the kernel {definition.kernel.name}".replace("atoms", centers)


def _widths(definition: MolField) -> str:
    if definition.form_factors is not None or definition.aggregate == "displacement":
        return ""
    shared = _width(definition.widths, definition.width_scale)
    own = [channel for channel in definition.specification if channel.width is not None]
    if own:
        named = [f"{_width(one.width, one.width_scale)} of {one.name}" for one in own[:3]]
        others = f", {shared} of others" if len(own) < len(definition.specification) else ""
        return "widths " + ", ".join(named) + (", …" if len(own) > 3 else "") + others
    return f"width {shared}"


def _width(width: Any, scale: float) -> str:
    if isinstance(width, int | float):
        return f"{width * scale:.3g} Å"
    words = str(width).replace("_", " ").replace("vdw", "van der Waals")
    return words if scale == 1 else f"{scale:.3g} × {words}"
