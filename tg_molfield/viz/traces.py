"""The plotly traces of a scene: translucent and coloured surfaces, spheres for atoms, lines for bonds."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from tg_molfield.arguments import check_number
from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import drawn_bonds
from tg_molfield.chem.elements import symbols
from tg_molfield.chem.principal_axes import Array, positions
from tg_molfield.display.colors import POLYMER, element_color
from tg_molfield.optional import require
from tg_molfield.viz.molecule import Indices, ball

_LIGHT = {"ambient": 0.62, "diffuse": 0.6, "specular": 0.25, "roughness": 0.45, "fresnel": 0.15}
_MATT = {"ambient": 0.55, "diffuse": 0.5, "specular": 0.05, "roughness": 0.8, "fresnel": 0.0, "facenormalsepsilon": 0}
_RIBBON = {"ambient": 0.5, "diffuse": 0.7, "specular": 0.1, "roughness": 0.6, "fresnel": 0.0}
_LAMP = {"x": 300, "y": 400, "z": 900}
_HEADLIGHT = {"x": 0.6, "y": -0.6, "z": 1.0004}
"""Over the reader's shoulder, wherever the camera is: plotly takes a lamp in clip coordinates, in which a depth just
above 1 lies far behind the camera, with both axes reversed."""
_DIGITS = 3
_SINGLE = 1e-30, 1e30
"""Largest values between which single precision holds all that are seen."""


def surface_trace(vertices: Array, faces: Indices, color: str, opacity: float, **options: Any) -> Any:
    """A translucent surface from vertices [V, 3] in Å and faces [F, 3]."""
    return _mesh(vertices, faces, color=color, opacity=opacity, hoverinfo="skip", **options)


def colored_surface_trace(vertices: Array, faces: Indices, values: Array, unit: str, **options: Any) -> Any:
    """A surface coloured by ``values`` [V] at the vertices on the figure's colour axis; hovering shows the value."""
    template = f"%{{intensity:.3~g}} {escape(unit, quote=False)}".rstrip() + "<extra></extra>"
    fits = not values.size or _SINGLE[0] < np.abs(values).max() < _SINGLE[1]
    kind = np.float32 if fits else np.float64
    return _mesh(
        vertices, faces, intensity=values.astype(kind), coloraxis="coloraxis", hovertemplate=template, lighting=_MATT,
        lightposition=_HEADLIGHT, **options,
    )  # fmt: skip


def ribbon_trace(vertices: Array, faces: Indices, **options: Any) -> Any:
    """An opaque ribbon from vertices [V, 3] in Å and faces [F, 3]."""
    return _mesh(vertices, faces, color=POLYMER, hoverinfo="skip", lighting=_RIBBON, **options)


def atom_traces(atoms: AtomList, index: Indices | None = None, carbon: str | None = None, **options: Any) -> list[Any]:
    """One mesh of spheres per element, smaller for hydrogen; hovering shows the symbol and the index.

    Args:
        atoms: the atoms.
        index: of each atom [N], where it is not its place in the list.
        carbon: the colour of carbons, where it is not that of the element.
        options: of all traces.
    """
    pos = positions(atoms)
    numbers = atoms.z.cpu().numpy()
    unit, triangles = ball(2 if len(pos) <= 40 else 1 if len(pos) <= 400 else 0)
    traces = []
    for z in np.unique(numbers):
        mine = np.flatnonzero(numbers == z)
        radius = 0.2 if z == 1 else 0.3
        vertices = (pos[mine, None] + radius * unit).reshape(-1, 3)
        faces = (triangles + len(unit) * np.arange(len(mine))[:, None, None]).reshape(-1, 3)
        words = [f"{symbols()[z]} {i if index is None else index[i]}" for i in mine]
        text = np.repeat(words, len(unit)).tolist()
        color = carbon if carbon is not None and z == 6 else element_color(int(z))
        traces.append(_mesh(vertices, faces, color=color, hoverinfo="text", text=text, **options))
    return traces


def bond_trace(atoms: AtomList, **options: Any) -> Any:
    """The bonds as one line with gaps."""
    graph_objects = require("plotly.graph_objects", "viz")
    ends = positions(atoms)[drawn_bonds(atoms)]
    gaps = np.full((len(ends), 1, 3), np.nan)
    x, y, z = _compact(np.concatenate([ends, gaps], 1).reshape(-1, 3))
    line = {"color": "#8a949e", "width": 7}
    return graph_objects.Scatter3d(x=x, y=y, z=z, mode="lines", line=line, hoverinfo="skip", **options)


def _mesh(vertices: Array, faces: Indices, opacity: float = 1.0, **options: Any) -> Any:
    check_number("opacity", opacity)
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity: expected a number between 0 and 1, got {opacity}; 1 hides what lies behind")
    graph_objects = require("plotly.graph_objects", "viz")
    x, y, z = _compact(vertices)
    i, j, k = faces.astype(np.uint16 if len(vertices) < 2**16 else np.uint32).T
    options = {"lighting": _LIGHT, "lightposition": _LAMP, **options}
    return graph_objects.Mesh3d(x=x, y=y, z=z, i=i, j=j, k=k, opacity=float(opacity), **options)


def _compact(points: Array) -> Any:
    return np.round(points, _DIGITS).astype(np.float32).T
