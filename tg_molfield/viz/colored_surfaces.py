"""`plot_colored_surfaces`: isosurfaces of one field, coloured by the values of another."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.principal_axes import Array
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.optional import require
from tg_molfield.viz.inputs import Fields, as_volume, known_atoms, named_fields, one_channel, units_of
from tg_molfield.viz.levels import level_label, require_between, surface_levels, value_range
from tg_molfield.viz.meshes import is_open, isosurface
from tg_molfield.viz.scenes import arrange, camera, cube_axes, scene_name
from tg_molfield.viz.surroundings import add_surroundings
from tg_molfield.viz.thinning import thinned
from tg_molfield.viz.traces import colored_surface_trace
from tg_molfield.viz.unit_cell import cell_camera
from tg_molfield.viz.vertex_values import color_axis, has_sign, values_at


def plot_colored_surfaces(
    volumes: Fields,
    color_by: Fields,
    channel: str | None = None,
    level: float | None = None,
    *,
    color_channel: str | None = None,
    color_range: float | None = None,
    color_title: str = "",
    color_unit: str | None = None,
    signed: bool | None = None,
    grid: Grid | None = None,
    atoms: AtomList | None = None,
    unit: str | None = None,
    opacity: float = 1.0,
    max_nodes: int = 96**3,
    title: str = "",
    height: int = 520,
) -> Any:
    """Isosurfaces coloured by a second field, such as the electrostatic potential on the van der Waals surface.

    One scene per field, side by side, with one colour scale. Signed values are red below 0 and blue above, as far on
    one side as on the other; values that cannot be negative run from 0 in viridis. Hovering shows the value, and the
    legend hides the surface, to show the atoms. A periodic volume is drawn with the outline of the cell that it covers
    and the atoms in it.

    Args:
        volumes: a field, or fields by name, whose surfaces are drawn; the first is the reference.
        color_by: the field that colours them, or one by name for each of ``volumes``. A field is evaluated exactly at
            the vertices of the surface, a `Volume` interpolated.
        channel: the channel whose surface is drawn; needed where there are several.
        level: the isovalue; by default 0 for a signed distance, else 0.3 of the largest absolute value in the
            reference, of both signs for a signed channel, or less for a density with high peaks at nuclei.
        color_channel: the channel of ``color_by``; needed where it has several.
        color_range: the absolute value at which the colours end; by default the 98th percentile of the absolute
            values at the vertices of all surfaces.
        color_title: title of the colour bar; by default the channel.
        color_unit: unit of the colours, shown at the colour bar; by default what the definition of ``color_by`` tells.
        signed: whether the colours stand for values of both signs; by default, where the definition of ``color_by``
            or a value on a surface tells so.
        grid: the grid on which fields are sampled to find the surface; if given, volumes are resampled on it too.
        atoms: the atoms to draw; by default those of each field, else of the first that has some.
        unit: unit of the level, shown in the legend; by default what the definition of the field tells.
        opacity: opacity of the surfaces, between 0 and 1.
        max_nodes: volumes with more nodes are drawn on a coarser grid.
        title: title of the figure.
        height: height in pixels.

    Returns:
        A plotly ``Figure``, for example for `Page.figure`.

    Raises:
        ValueError: no fields, no grid, several channels and none chosen, a level outside the range of the channel,
            vertices outside a volume that colours them, or values that are not finite.
        KeyError: a channel is not in a field, or ``color_by`` lacks the name of a field.
        ImportError: plotly or scikit-image is missing.
    """
    figure = require("plotly.graph_objects", "viz").Figure()
    fields = named_fields(volumes)
    colors = _matched(named_fields(color_by, "color_by"), fields)
    first, first_colors = next(iter(fields.values())), next(iter(colors.values()))
    chosen = one_channel(first, channel, "channel")
    hue = one_channel(first_colors, color_channel, "color_channel")
    level_unit, hue_unit = units_of(first, [chosen], unit)[chosen], units_of(first_colors, [hue], color_unit)[hue]
    sampled = {row: as_volume(field, grid)[(chosen,)] for row, field in fields.items()}
    reference = next(iter(sampled.values()))
    levels = surface_levels(reference, chosen, level)
    for one in levels:
        require_between(one, chosen, *value_range(reference, chosen))

    values: list[Array] = []
    headings: list[tuple[str, str]] = []
    others = [*fields.values(), *colors.values()]
    seen = [known_atoms([field, *others], atoms) for field in fields.values()]
    view = cell_camera(reference, len(fields)) if any(reference.periodic) else camera(seen[0], len(fields))
    content: list[Array] = []
    for number, row in enumerate(fields):
        volume = thinned(sampled[row], max_nodes)
        low, high = value_range(volume, chosen)
        drawn = [one for one in levels if low < one < high]
        for one in drawn:
            vertices, faces = isosurface(volume, chosen, one)
            place = f"color_by[{row!r}]" if isinstance(color_by, Mapping) else "color_by"
            values.append(values_at(colors[row], hue, vertices, place))
            content.append(vertices)
            label = "surface: " + level_label(reference, chosen, one, level_unit, len(levels) > 1)
            options = {"name": label, "legendgroup": label, "showlegend": number == 0, "scene": scene_name(number)}
            figure.add_trace(colored_surface_trace(vertices, faces, values[-1], hue_unit, opacity=opacity, **options))
        content += add_surroundings(figure, seen[number], volume, number)
        cut = any(is_open(volume, chosen, one) for one in drawn)
        note = "cut off at the border of the grid" if cut else ""
        headings.append((row, note if drawn else "no surface at this level"))
    if signed is None:
        signed = any(has_sign(field, hue, values) for field in colors.values())
    words = (color_title or hue) + (f" ({hue_unit})" if hue_unit else "")
    figure.update_layout(coloraxis=color_axis(values, signed, color_range, escape(words, quote=False)))
    points = np.concatenate(content) if content else reference.grid.points().cpu().double().numpy()
    arrange(figure, headings, cube_axes(points), view, title, height)
    return figure


def _matched(colors: dict[str, Field], fields: dict[str, Field]) -> dict[str, Field]:
    """The field that colours each surface."""
    if list(colors) == [""]:
        return dict.fromkeys(fields, colors[""])
    for name in fields:
        if name not in colors:
            raise KeyError(
                f"color_by: expected a field for each of {', '.join(fields)}, got none for {name!r}; give one for each"
            )
    return {name: colors[name] for name in fields}
