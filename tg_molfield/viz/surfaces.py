"""`plot_surfaces`: isosurfaces of fields with their atoms, as an interactive plotly figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.principal_axes import Array
from tg_molfield.fields.grid import Grid
from tg_molfield.optional import require
from tg_molfield.viz.inputs import (
    Fields,
    as_volume,
    atoms_of_each,
    chosen_channels,
    known_atoms,
    named_fields,
    units_of,
)
from tg_molfield.viz.meshes import isosurface
from tg_molfield.viz.scenes import arrange, camera, cube_axes, scene_name
from tg_molfield.viz.sides import sides_of
from tg_molfield.viz.surroundings import add_surroundings
from tg_molfield.viz.thinning import thinned
from tg_molfield.viz.traces import surface_trace
from tg_molfield.viz.unit_cell import cell_camera


def plot_surfaces(
    volumes: Fields,
    channels: str | Sequence[str] | None = None,
    levels: float | Mapping[str, float] | None = None,
    *,
    grid: Grid | None = None,
    atoms: AtomList | None = None,
    unit: str | None = None,
    visible: str | Sequence[str] | None = None,
    opacity: float = 0.38,
    max_nodes: int = 64**3,
    title: str = "",
    height: int = 460,
) -> Any:
    """Isosurfaces of fields, one scene per field, side by side; the legend shows and hides a channel in all scenes.

    The channel of an element has the colour of that element; a signed channel has two surfaces, at ± the level, in two
    colours. All scenes have the same levels, those of the first field. A periodic volume is drawn with the outline of
    the cell that it covers and the atoms in it.

    Args:
        volumes: a field, or fields by name; the first is the reference.
        channels: the channels to show; by default those that are not empty in the reference.
        levels: isovalues, one for all channels or by channel; by default 0 for a signed distance, else 0.3 of the
            largest absolute value of the channel in the reference, or less for a density with high peaks at nuclei.
        grid: the grid on which fields are sampled; if given, volumes are resampled on it too.
        atoms: the atoms to draw; by default each field's own, or those of the first where it has none.
        unit: unit of the values, shown behind the levels in the legend; by default what the definition tells.
        visible: the channels visible at first; by default all. The legend shows the others.
        opacity: opacity of the surfaces, between 0 and 1.
        max_nodes: volumes with more nodes are drawn on a coarser grid.
        title: title of the figure.
        height: height in pixels.

    Returns:
        A plotly ``Figure``, for example for `Page.figure`.

    Raises:
        ValueError: no fields, no grid, a grid with one node along an axis, a level outside the range of the channel, or
            values that are not finite.
        KeyError: a channel is not in a field.
        ImportError: plotly or scikit-image is missing.
    """
    graph_objects = require("plotly.graph_objects", "viz")
    fields = named_fields(volumes)
    reference = as_volume(next(iter(fields.values())), grid)
    names = chosen_channels(reference, channels)
    shown = names if visible is None else chosen_channels(reference, visible)
    units = units_of(reference, names, unit)
    sides = [side for i, name in enumerate(names) for side in sides_of(reference, name, i, levels, units[name])]
    seen = known_atoms(fields.values(), atoms)
    own = atoms_of_each(fields.values(), atoms)

    figure = graph_objects.Figure()
    listed: set[str] = set()
    content: list[Array] = []
    headings: list[tuple[str, str]] = []
    for number, (row, field) in enumerate(fields.items()):
        volume = thinned(as_volume(field, grid)[names], max_nodes)
        drawn = [side for side in sides if side.crosses(volume)]
        for side in drawn:
            vertices, faces = isosurface(volume, side.channel, side.level)
            content.append(vertices)
            new = side.label not in listed
            listed.add(side.label)
            options = {"name": side.label, "legendgroup": side.label, "showlegend": new, "scene": scene_name(number)}
            options["visible"] = True if side.channel in shown else "legendonly"
            figure.add_trace(surface_trace(vertices, faces, side.color, opacity, **options))
        content += add_surroundings(figure, own[number], volume, number)
        absent = [name for name in names if name not in {side.channel for side in drawn}]
        headings.append((row, f"no surface at this level: {', '.join(absent)}" if absent else ""))
    points = np.concatenate(content) if content else reference.grid.points().cpu().double().numpy()
    view = cell_camera(reference, len(headings)) if any(reference.periodic) else camera(seen, len(headings))
    arrange(figure, headings, cube_axes(points), view, title, height)
    return figure
