"""A molecule as sticks, whose carbons have a colour of its own: a few kilobytes in a page."""

from __future__ import annotations

from typing import Any

import numpy as np

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import bonds, drawn_bonds
from tg_molfield.chem.elements import symbols
from tg_molfield.chem.principal_axes import Array, positions
from tg_molfield.display.colors import element_color
from tg_molfield.optional import require

_STICK, _ATOM = 6, 4.5
_DIGITS = 3


def without_carbon_hydrogens(atoms: AtomList) -> AtomList:
    """The atoms but for hydrogens whose only neighbours are carbons, which crowd an overlay."""
    z = atoms.z.cpu().numpy()
    first, second = np.concatenate([bonds(atoms), bonds(atoms)[:, ::-1]]).T
    on_carbon = np.zeros(len(z), dtype=bool)
    on_other = np.zeros(len(z), dtype=bool)
    on_carbon[first[z[second] == 6]] = True
    on_other[first[z[second] != 6]] = True
    kept = atoms.z.new_tensor(np.flatnonzero((z != 1) | on_other | ~on_carbon))
    return AtomList(atoms.z[kept], atoms.pos[kept])


def stick_traces(atoms: AtomList, carbon: str, name: str, **options: Any) -> list[Any]:
    """Bonds as lines, each half in the colour of its atom, and atoms as dots; hovering shows the symbol and the name.

    Args:
        atoms: at least one.
        carbon: the colour of carbons.
        name: of the molecule, in the legend.
        options: of all traces.
    """
    graph_objects = require("plotly.graph_objects", "viz")
    pos, numbers = positions(atoms), atoms.z.cpu().numpy()
    colors = np.array([carbon if z == 6 else element_color(int(z)) for z in numbers])
    pairs = drawn_bonds(atoms)
    middle = pos[pairs].mean(1, keepdims=True)
    gaps = np.full((len(pairs), 1, 3), np.nan)
    lines = np.concatenate([pos[pairs[:, :1]], middle, middle, pos[pairs[:, 1:]], gaps], 1).reshape(-1, 3)
    of_lines = colors[pairs[:, [0, 0, 1, 1, 1]]].reshape(-1).tolist()
    words = [f"{symbols()[int(z)]} · {name}" for z in numbers]
    shared = {"name": name, **options}
    return [
        graph_objects.Scatter3d(
            **_compact(pos), mode="markers", marker={"size": _ATOM, "color": colors.tolist(), "opacity": 1},
            text=words, hoverinfo="text", showlegend=False, **shared,
        ),
        graph_objects.Scatter3d(
            **_compact(lines), mode="lines", line={"color": of_lines, "width": _STICK}, hoverinfo="skip",
            showlegend=False, **shared,
        ),
        graph_objects.Scatter3d(
            x=[None], y=[None], z=[None], mode="lines", line={"color": carbon, "width": _STICK}, **shared
        ),
    ]  # fmt: skip


def _compact(points: Array) -> dict[str, Any]:
    return dict(zip("xyz", np.round(points, _DIGITS).astype(np.float32).T, strict=True))
