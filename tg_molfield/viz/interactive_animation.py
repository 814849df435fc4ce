"""`interactive_animation`: isosurfaces over time, whose levels the reader of a page chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tg_molfield.arguments import check_counts
from tg_molfield.fields.volume import Volume
from tg_molfield.optional import require
from tg_molfield.viz.animation import (
    channels_of_any,
    check_volumes,
    figure_of_steps,
    reference_of,
    surroundings_of,
    surroundings_of_all,
)
from tg_molfield.viz.inputs import chosen_channels, units_of
from tg_molfield.viz.interactive import NOTHING, InteractiveSurfaces, channel_control
from tg_molfield.viz.packed_samples import packed_samples
from tg_molfield.viz.surface_colors import SIDES
from tg_molfield.viz.thinning import thinned
from tg_molfield.viz.traces import surface_trace

_FEWEST_NODES = 20**3


def interactive_animation(
    volumes: Mapping[str, Volume],
    channels: str | Sequence[str] | None = None,
    levels: float | Mapping[str, float] | None = None,
    *,
    unit: str | None = None,
    opacity: float = 0.38,
    max_values: int = 4_000_000,
    max_nodes: int = 44**3,
    prefix: str = "at ",
    title: str = "",
    height: int = 560,
) -> InteractiveSurfaces:
    """Surfaces as `animate_surfaces` draws them, with a switch and a slider for the level of each channel on a page.

    The page holds samples of the volumes and makes the surfaces of each step from them. A single volume has its label
    above and no slider.

    Args:
        volumes: the volumes in order, by their label on the slider; the atoms of a volume are drawn.
        channels: the channels to show; by default those that are not empty in every volume.
        levels: the levels at first, as in `animate_surfaces`.
        unit: unit of the values; by default what the definition tells.
        opacity: opacity of the surfaces, between 0 and 1.
        max_values: volumes are drawn on coarser grids if they have more values together; each takes about one byte of
            a page.
        max_nodes: volumes with more nodes are drawn on a coarser grid.
        prefix: the words before a label.
        title: title of the figure.
        height: height in pixels.

    Raises:
        ValueError: no volumes, a grid with one node along an axis, a level outside the range of the volume, or values
            that are not finite.
        KeyError: a channel is not in a volume.
        ImportError: plotly is missing.
    """
    require("plotly.graph_objects", "viz")
    check_counts(1, max_values=max_values, max_nodes=max_nodes)
    check_volumes(volumes)
    first = next(iter(volumes.values()))
    names = chosen_channels(first, channels) if channels is not None else channels_of_any(volumes)
    units = units_of(first, names, unit)
    told = [
        channel_control(reference_of(volumes, name), name, number, levels, units[name])
        for number, name in enumerate(names)
    ]
    sides = [(index, side) for index, channel in enumerate(told) for side in ((1, -1) if channel["both"] else (1,))]
    surfaces = [
        surface_trace(
            *NOTHING,
            told[index]["colors"][0 if side == 1 else 1],
            opacity,
            name=names[index],
            legendgroup=f"surface of {names[index]}",
            showlegend=False,
        )
        for index, side in sides
    ]
    kinds = surroundings_of_all(volumes)
    shown = {label: [*surfaces, *surroundings_of(volume, kinds)] for label, volume in volumes.items()}
    figure = figure_of_steps(volumes, shown, prefix, title, height)
    budget = min(max_nodes, max(max_values // (len(volumes) * len(names)), _FEWEST_NODES))
    drawn = [thinned(_thick(volume)[names], budget) for volume in volumes.values()]
    coarsest = max(drawn, key=_step)
    is_coarser = any(one.grid != volume.grid for one, volume in zip(drawn, volumes.values(), strict=True))
    packed = [packed_samples(volume) for volume in drawn]
    live: dict[str, Any] = {
        "names": [""],
        "scenes": [placed for placed, _ in packed],
        "differences": [],
        "share": 1.0,
        "sides": list(SIDES.values()),
        "channels": told,
        "traces": [
            {"trace": number, "scene": 0, "channel": index, "side": side} for number, (index, side) in enumerate(sides)
        ],
    }
    note = f" Surfaces are made from samples every {_step(coarsest):.2g} Å." if is_coarser else ""
    return InteractiveSurfaces(figure, live, b"".join(values for _, values in packed), note)


def _thick(volume: Volume) -> Volume:
    if min(volume.grid.shape) < 2:
        shape = "×".join(map(str, volume.grid.shape))
        raise ValueError(f"volume: expected at least 2 nodes per axis for a surface, got {shape}; use plot_slices")
    return volume


def _step(volume: Volume) -> float:
    return float(volume.grid.axes_tensor().norm(dim=1).max())
