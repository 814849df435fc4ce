"""The layout of 3D scenes: side by side, with the same scale and camera."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from textwrap import wrap
from typing import Any

import numpy as np

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.principal_axes import Array, positions, principal_axes

Axis = dict[str, Any]

_LINE = 17
"""Pixels of a line of a heading."""

_LETTERS, _FEWEST_LETTERS, _LETTERS_ABREAST = 36, 16, 120
"""Letters of a line, which fit into 300 pixels, and of all headings beside each other."""

_MOST_LINES = 3


def scene_name(number: int) -> str:
    """Plotly's name of scene ``number``, counted from 0."""
    return f"scene{number + 1}" if number else "scene"


def cube_axes(points: Array) -> dict[str, Axis]:
    """Hidden axes over a cube that contains the points [N, 3] in any orientation."""
    center = (points.min(0) + points.max(0)) / 2
    radius = 1.05 * float(np.linalg.norm(points - center, axis=1).max()) or 1.0
    return {
        f"{letter}axis": {"visible": False, "range": [round(middle - radius, 3), round(middle + radius, 3)]}
        for letter, middle in zip("xyz", center.tolist(), strict=True)
    }


def outwards(points: Array, distance: float) -> Array:
    """Points [N, 3] moved by ``distance`` away from their middle, so around balls; [6, 3] around one point."""
    if len(points) == 1:
        return points + distance * np.concatenate([np.eye(3), -np.eye(3)])
    away = points - (points.min(0) + points.max(0)) / 2
    return points + distance * away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)


def camera(atoms: AtomList | None, scenes: int = 1) -> dict[str, Any]:
    """A camera that looks at the broad side of the atoms, a little from below, and from farther away for more scenes.

    Args:
        atoms: the atoms; without atoms the camera looks along z.
        scenes: number of scenes side by side.
    """
    rows = np.eye(3) if atoms is None else principal_axes(positions(atoms))
    eye = max(1.25, 0.42 * scenes) * (0.9 * rows[2] + 0.15 * rows[0] - 0.4 * rows[1])
    return {"eye": dict(zip("xyz", eye.tolist(), strict=True)), "up": dict(zip("xyz", rows[1].tolist(), strict=True))}


def _heading(name: str, note: str, scenes: int) -> str:
    """A heading in bold and a note below it, in lines that fit above one of the scenes."""
    letters = min(_LETTERS, max(_FEWEST_LETTERS, _LETTERS_ABREAST // scenes))
    lines = [f"<b>{escape(line)}</b>" for line in wrap(name, letters, max_lines=_MOST_LINES, placeholder=" …")]
    return "<br>".join([*lines, *map(escape, wrap(note, letters, max_lines=_MOST_LINES, placeholder=" …"))])


def arrange(
    figure: Any, headings: Sequence[tuple[str, str]], axes: dict[str, Axis], view: Any, title: str, height: int
) -> None:
    """Lay out the scenes of ``figure`` from left to right.

    Args:
        figure: a plotly figure whose traces are in scenes numbered from 0.
        headings: the name and a note for each scene; either may be empty.
        axes: the axes of every scene.
        view: the camera of every scene.
        title: title of the figure.
        height: height in pixels.
    """
    texts = [_heading(name, note, len(headings)) for name, note in headings]
    room = max(1, *(text.count("<br>") + 1 for text in texts)) * _LINE / height
    for number in range(len(headings)):
        left, right = number / len(headings), (number + 1) / len(headings)
        domain = {"x": [left, right], "y": [0, 1 - room]}
        figure.update_layout({scene_name(number): {"domain": domain, "aspectmode": "cube", "camera": view, **axes}})
        figure.add_annotation(
            text=texts[number], x=(left + right) / 2, y=1, xref="paper", yref="paper", xanchor="center",
            yanchor="top", showarrow=False,
        )  # fmt: skip
    figure.update_layout(
        template="none", paper_bgcolor="rgba(0,0,0,0)", height=height, font={"size": 13},
        margin={"l": 0, "r": 0, "t": 44 if title else 8, "b": 8}, title={"text": escape(title)} if title else None,
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": 0, "yanchor": "top", "itemsizing": "constant"},
    )  # fmt: skip
