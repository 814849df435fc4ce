"""`animate_surfaces`: isosurfaces of a field over time, as a plotly figure with a slider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
import torch

from tg_molfield.arguments import check_kind
from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.elements import symbols
from tg_molfield.chem.principal_axes import Array, positions
from tg_molfield.display.colors import INK, element_color
from tg_molfield.fields.volume import Volume
from tg_molfield.optional import require
from tg_molfield.viz.inputs import chosen_channels, known_atoms, units_of
from tg_molfield.viz.interactive import NOTHING
from tg_molfield.viz.levels import value_range
from tg_molfield.viz.meshes import isosurface
from tg_molfield.viz.molecule import Indices
from tg_molfield.viz.scenes import arrange, camera, cube_axes, outwards
from tg_molfield.viz.sides import Side, sides_of
from tg_molfield.viz.thinning import thinned
from tg_molfield.viz.traces import bond_trace, surface_trace
from tg_molfield.viz.unit_cell import atoms_in_cell, cell_camera, cell_corners, cell_trace

_PAUSE = 120
_MARGIN = 1.5
"""Å around the atoms, for the surfaces."""

_BELOW = 110
_NO_ATOMS = AtomList(torch.zeros(0, dtype=torch.int64), torch.zeros(0, 3))


def animate_surfaces(
    volumes: Mapping[str, Volume],
    channels: str | Sequence[str] | None = None,
    levels: float | Mapping[str, float] | None = None,
    *,
    unit: str | None = None,
    opacity: float = 0.38,
    max_nodes: int = 36**3,
    title: str = "",
    height: int = 560,
) -> Any:
    """Isosurfaces of several volumes at fixed levels, shown one after another; `interactive_animation` for any level.

    Periodic volumes are drawn with the outline of the cell that they cover and the atoms in it. The figure contains
    every surface, so its size grows with the number of volumes and with ``max_nodes``. A single volume has its label
    above and no slider.

    Args:
        volumes: the volumes in order, by their label on the slider; the atoms of a volume are drawn.
        channels: the channels to show; by default those that are not empty in every volume.
        levels: isovalues, one for all channels or by channel; by default 0 for a signed distance, else 0.3 of the
            largest absolute value of the channel in the first volume, or where it is empty there, in that where it is
            largest; less for a density with high peaks at nuclei. All volumes have the same levels.
        unit: unit of the values, shown behind the levels; by default what the definition tells.
        opacity: opacity of the surfaces, between 0 and 1.
        max_nodes: volumes with more nodes are drawn on a coarser grid.
        title: title of the figure.
        height: height in pixels.

    Returns:
        A plotly ``Figure`` with frames, of several volumes, for example for `Page.figure`.

    Raises:
        ValueError: no volumes, a grid with one node along an axis, a level outside the range of that
            volume, or values that are not finite.
        KeyError: a channel is not in a volume.
        ImportError: plotly or scikit-image is missing.
    """
    require("plotly.graph_objects", "viz")
    check_volumes(volumes)
    first = next(iter(volumes.values()))
    names = chosen_channels(first, channels) if channels is not None else channels_of_any(volumes)
    units = units_of(first, names, unit)
    sides = [
        side
        for number, name in enumerate(names)
        for side in sides_of(reference_of(volumes, name), name, number, levels, units[name])
    ]
    kinds = surroundings_of_all(volumes)
    shown = {
        label: _traces(volume, names, sides, opacity, max_nodes) + surroundings_of(volume, kinds)
        for label, volume in volumes.items()
    }
    figure = figure_of_steps(volumes, shown, "at ", title, height)
    if figure.frames:
        figure.update_layout(margin={"b": _BELOW}, updatemenus=[_button()], scene_domain={"y": [0, 1]})
    return figure


def figure_of_steps(
    volumes: Mapping[str, Volume], shown: Mapping[str, list[Any]], prefix: str, title: str, height: int
) -> Any:
    """A figure with the traces ``shown`` at each step, and a slider; of a single step, with its label above.

    Args:
        volumes: the volumes in order, by their label.
        shown: the traces of each, of the same kinds in the same order.
        prefix: the words before a label.
        title: title of the figure.
        height: height in pixels.
    """
    graph_objects = require("plotly.graph_objects", "viz")
    labels = list(shown)
    frames = [graph_objects.Frame(data=traces, name=label) for label, traces in shown.items()]
    figure = graph_objects.Figure(data=shown[labels[0]], frames=frames if len(frames) > 1 else None)
    corners = np.concatenate([extent_of(volume) for volume in volumes.values()])
    first = next(iter(volumes.values()))
    view = cell_camera(first) if any(first.periodic) else camera(known_atoms(volumes.values(), None))
    arrange(figure, [("" if figure.frames else prefix + labels[0], "")], cube_axes(corners), view, title, height)
    if figure.frames:
        figure.update_layout(sliders=[step_slider(labels, prefix)])
    return figure


def check_volumes(volumes: Mapping[str, Volume]) -> None:
    """Raise unless these are volumes by label, at least one."""
    check_kind("volumes", volumes, Mapping, "volumes by name", "give {label: volume}")
    if not volumes:
        raise ValueError("volumes: expected at least one Volume, got none; give {label: volume}")


def channels_of_any(volumes: Mapping[str, Volume]) -> tuple[str, ...]:
    """The channels that are not empty in one volume or another, in order."""
    found = {name for volume in volumes.values() for name in chosen_channels(volume, None)}
    return tuple(name for name in next(iter(volumes.values())).channels if name in found)


def reference_of(volumes: Mapping[str, Volume], channel: str) -> Volume:
    """The first volume; where a channel is empty in it, that in which the channel is largest."""
    first = next(iter(volumes.values()))
    if channel in chosen_channels(first, None):
        return first
    return max(volumes.values(), key=lambda volume: max(map(abs, value_range(volume, channel))))


def _traces(volume: Volume, names: tuple[str, ...], sides: Sequence[Side], opacity: float, max_nodes: int) -> list[Any]:
    coarse = thinned(volume[names], max_nodes)
    traces = []
    for side in sides:
        surface = isosurface(coarse, side.channel, side.level) if side.crosses(coarse) else NOTHING
        traces.append(surface_trace(*surface, side.color, opacity, name=side.label, showlegend=True))
    return traces


class Surroundings(NamedTuple):
    """What is drawn beside surfaces at every step, since each must have the same traces."""

    atoms: bool
    cell: bool


def surroundings_of_all(volumes: Mapping[str, Volume]) -> Surroundings:
    """What one volume or another has."""
    return Surroundings(
        known_atoms(volumes.values(), None) is not None, any(any(volume.periodic) for volume in volumes.values())
    )


def surroundings_of(volume: Volume, kinds: Surroundings) -> list[Any]:
    """The traces of the bonds and the atoms of a volume, and of its cell, empty where it has none."""
    traces = []
    if kinds.atoms:
        inside, index = atoms_in_cell(known_atoms([volume], None) or _NO_ATOMS, volume)
        traces += [bond_trace(inside, name="bonds", showlegend=True), _dots(inside, index)]
    if kinds.cell:
        traces.append(cell_trace(cell_corners(volume), showlegend=True))
    return traces


def _dots(atoms: AtomList, index: Indices) -> Any:
    graph_objects = require("plotly.graph_objects", "viz")
    x, y, z = positions(atoms).astype(np.float32).T
    numbers = atoms.z.tolist()
    marker = {"size": 4 if len(numbers) < 100 else 2, "color": [element_color(number) for number in numbers]}
    text = [f"{symbols()[number]} {one}" for one, number in zip(index, numbers, strict=True)]
    return graph_objects.Scatter3d(
        x=x, y=y, z=z, mode="markers", marker=marker, text=text, hoverinfo="text", name="atoms"
    )


def extent_of(volume: Volume) -> Array:
    """Points [N, 3] between which a volume is shown: its cell, around its atoms, or its grid."""
    if any(volume.periodic):
        return cell_corners(volume)
    if (atoms := known_atoms([volume], None)) is not None:
        return outwards(positions(atoms), _MARGIN)
    grid = volume.grid
    last = np.array(grid.shape) - 1
    ends = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * last
    return grid.origin_tensor().numpy() + ends @ grid.axes_tensor().numpy()


def _show(pause: int) -> dict[str, Any]:
    return {
        "mode": "immediate",
        "frame": {"duration": pause, "redraw": True},
        "transition": {"duration": 0},
        "fromcurrent": True,
    }


def step_slider(labels: list[str], prefix: str = "at ") -> dict[str, Any]:
    """Plotly's slider over frames by their labels, which are shown behind ``prefix``."""
    steps = [
        {"label": escape(label, quote=False), "method": "animate", "args": [[label], _show(0)]} for label in labels
    ]
    place = {"x": 0.02, "len": 0.96, "y": 0, "pad": {"t": 34, "b": 6}}
    shown = {"prefix": escape(prefix, quote=False), "xanchor": "right"}
    return {"steps": steps, "currentvalue": shown, **place}


def _button() -> dict[str, Any]:
    buttons = [
        {"label": "▶", "method": "animate", "args": [None, _show(_PAUSE)]},
        {"label": "❚❚", "method": "animate", "args": [[None], _show(0)]},
    ]
    place = {"type": "buttons", "direction": "left", "x": 0, "xanchor": "left", "y": 1, "yanchor": "top"}
    return {"buttons": buttons, "showactive": False, "font": {"color": INK}, **place}
