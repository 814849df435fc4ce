"""`interactive_surfaces`: isosurfaces whose levels the reader of a page chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tg_molfield.arguments import check_counts
from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.principal_axes import Array
from tg_molfield.display.backend import backend
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.volume import Volume
from tg_molfield.optional import require
from tg_molfield.viz.inputs import (
    Fields,
    as_volume,
    atoms_of_each,
    chosen_channels,
    known_atoms,
    named_fields,
    shared_grid,
    units_of,
)
from tg_molfield.viz.level_ranges import level_range
from tg_molfield.viz.levels import is_distance, level_digits, surface_levels
from tg_molfield.viz.packed_samples import packed_samples
from tg_molfield.viz.scenes import arrange, camera, cube_axes, scene_name
from tg_molfield.viz.surface_colors import SIDES, surface_colors
from tg_molfield.viz.surroundings import add_surroundings
from tg_molfield.viz.thinning import thinned
from tg_molfield.viz.traces import surface_trace
from tg_molfield.viz.unit_cell import cell_camera, cell_corners

DIFFERENCE = "difference"
_SHARE = 0.1
"""The level of differences at first, as a fraction of the level of the channel."""

_FEWEST_NODES = 24**3


@dataclass(frozen=True, repr=False)
class InteractiveSurfaces:
    """Surfaces for `Page.figure`, which the page makes from samples.

    Attributes:
        figure: a plotly figure with atoms and cells, in which the surfaces are still empty.
        live: what ``levels.js`` needs to know about scenes, channels and traces.
        samples: the values, see `packed_samples`.
        note: a sentence for the caption where the samples are coarser than the field's; else empty.
    """

    figure: Any
    live: Mapping[str, Any]
    samples: bytes
    note: str

    def __repr__(self) -> str:
        channels = " ".join(channel["name"] for channel in self.live["channels"])
        return f"InteractiveSurfaces({channels}; Page(title).figure(...) draws them)"

    def _repr_html_(self) -> str:
        return backend().figure_in_notebook(self)


def interactive_surfaces(
    volumes: Fields,
    channels: str | Sequence[str] | None = None,
    levels: float | Mapping[str, float] | None = None,
    *,
    difference: bool = False,
    grid: Grid | None = None,
    atoms: AtomList | None = None,
    unit: str | None = None,
    visible: str | Sequence[str] | None = None,
    opacity: float = 0.38,
    max_values: int = 1_200_000,
    title: str = "",
    height: int = 460,
) -> InteractiveSurfaces:
    """Isosurfaces as `plot_surfaces` draws them, with a switch and a slider for the level of each channel on a page.

    One scene per field, side by side, with the same levels and one camera. The page holds samples of the fields and
    makes the surfaces from them.

    Args:
        volumes: a field, or fields by name; the first is the reference.
        channels: the channels to show; by default those that are not empty in the reference.
        levels: the levels at first, as in `plot_surfaces`.
        difference: add a scene with the difference of the second field from the first.
        grid: the grid on which fields are sampled; if given, volumes are resampled on it too.
        atoms: the atoms to draw; by default each field's own, or those of the first where it has none.
        unit: unit of the values; by default what the definition tells.
        visible: the channels visible at first; by default all.
        opacity: opacity of the surfaces, between 0 and 1.
        max_values: fields are sampled on coarser grids if they have more values together; each takes about one byte of
            a page.
        title: title of the figure.
        height: height of a row of scenes in pixels.

    Raises:
        ValueError: no fields, no grid, a grid with one node along an axis, a level outside the range of the channel,
            values that are not finite, or ``difference`` with one field.
        KeyError: a channel is not in a field.
        ImportError: plotly is missing.
    """
    check_counts(1, max_values=max_values)
    figure = require("plotly.graph_objects", "viz").Figure()
    fields = named_fields(volumes)
    if difference and len(fields) < 2:
        raise ValueError("volumes: expected at least two fields for difference=True, got 1; put the reference first")
    reference = as_volume(next(iter(fields.values())), grid)
    if min(reference.grid.shape) < 2:
        shape = "×".join(map(str, reference.grid.shape))
        raise ValueError(f"volume: expected at least 2 nodes per axis for a surface, got {shape}; use plot_slices")
    names = chosen_channels(reference, channels)
    shown = names if visible is None else chosen_channels(reference, visible)
    units = units_of(reference, names, unit)
    told = [
        channel_control(reference, name, number, levels, units[name], name in shown)
        for number, name in enumerate(names)
    ]
    budget = max(max_values // (len(fields) * len(names)), _FEWEST_NODES)
    drawn = _on_grids(fields, names, grid, budget, difference)
    seen = known_atoms(fields.values(), atoms)
    own = atoms_of_each(fields.values(), atoms)
    rows = [*fields, *([DIFFERENCE] if difference else [])]
    traces: list[dict[str, int]] = []
    content: list[Array] = []
    for number in range(len(rows)):
        for index, channel in enumerate(told):
            sides = (1, -1) if channel["both"] or number == len(fields) else (1,)
            for side in sides:
                color = channel["colors"][0] if len(sides) == 1 else SIDES[side]
                traces.append({"trace": len(figure.data), "scene": number, "channel": index, "side": side})
                figure.add_trace(surface_trace(*NOTHING, color, opacity, scene=scene_name(number), showlegend=False))
        volume = drawn[min(number, len(drawn) - 1)]
        content += add_surroundings(figure, own[number] if number < len(own) else seen, volume, number)
    content += [_extent(volume, told) for volume in drawn]
    points = np.concatenate(content)
    view = cell_camera(reference) if any(reference.periodic) else camera(seen)
    arrange(figure, [(row, "") for row in rows], cube_axes(points), view, title, height)
    packed = [packed_samples(volume) for volume in drawn]
    live = {
        "names": rows,
        "scenes": [placed for placed, _ in packed],
        "differences": [[1, 0]] if difference else [],
        "share": _SHARE,
        "sides": list(SIDES.values()),
        "channels": told,
        "traces": traces,
    }
    step = float(drawn[0].grid.axes_tensor().norm(dim=1).max())
    note = "" if drawn[0].grid == reference.grid else f" Surfaces are made from samples every {step:.2g} Å."
    return InteractiveSurfaces(figure, live, b"".join(values for _, values in packed), note)


NOTHING = np.empty((0, 3)), np.empty((0, 3), dtype=np.int64)
"""The vertices and faces of no surface."""


def channel_control(
    reference: Volume,
    name: str,
    number: int,
    levels: float | Mapping[str, float] | None,
    unit: str,
    is_shown: bool = True,
) -> dict[str, Any]:
    """What ``levels.js`` needs to know about a channel: its name, unit and colours, its level at first and their range.

    Args:
        reference: the volume that determines the levels.
        name: of the channel.
        number: of the channel among those that are shown.
        levels: the level at first, as in `surface_levels`.
        unit: of the values, may be empty.
        is_shown: whether its surface is visible at first.
    """
    values = surface_levels(reference, name, levels)
    colors = surface_colors(reference, name, number, values)
    return {
        "name": name,
        "unit": unit,
        "level": values[0],
        "digits": level_digits(reference, name),
        **dict(zip(("least", "most", "logarithmic"), level_range(reference, name, values), strict=True)),
        "both": len(values) > 1,
        "below": is_distance(reference),
        "colors": list(colors),
        "signed": colors[0] in SIDES.values(),
        "shown": is_shown,
    }


def _on_grids(
    fields: Mapping[str, Any], names: tuple[str, ...], grid: Grid | None, budget: int, same: bool
) -> list[Volume]:
    """The fields on grids of at most ``budget`` nodes, on that of the first if it is to be the same."""
    drawn: list[Volume] = []
    shared = shared_grid(fields, grid)
    for field in fields.values():
        volume = as_volume(field, grid if isinstance(field, Volume) else shared)[names]
        if drawn and same:
            first = drawn[0].grid
            drawn.append(volume if volume.grid == first else volume.interpolated("cubic").on(first))
        else:
            drawn.append(thinned(volume, budget))
    return drawn


def _extent(volume: Volume, told: Sequence[Mapping[str, Any]]) -> Array:
    """Points [N, 3] around the surfaces: the cell, or the nodes within half the levels, or all if there are none."""
    if any(volume.periodic):
        return cell_corners(volume)
    inside = np.zeros(volume.grid.shape, dtype=bool)
    for values, channel in zip(volume.values.detach().cpu().double().numpy(), told, strict=True):
        if channel["below"]:
            inside |= values < channel["level"]
        else:
            inside |= (np.abs(values) if channel["both"] else values) > channel["level"] / 2
    steps = np.argwhere(inside if inside.any() else ~inside)
    return volume.grid.origin_tensor().numpy() + steps @ volume.grid.axes_tensor().numpy()
