"""`plot_slices`: slices through fields, fields in rows and channels in columns."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from tg_molfield.chem.atoms import AtomList
from tg_molfield.display.colors import INK
from tg_molfield.fields.grid import Grid
from tg_molfield.viz.figures import PAPER
from tg_molfield.viz.inputs import Fields, as_volume, chosen_channels, known_atoms, named_fields, shared_grid
from tg_molfield.viz.levels import is_distance
from tg_molfield.viz.panels import draw_atoms, draw_cell, draw_panel, scale_of
from tg_molfield.viz.planes import Planes, planes_through
from tg_molfield.viz.unit_cell import atoms_in_cell, cell_corners, cut_by_plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tg_molfield.chem.principal_axes import Array
    from tg_molfield.fields.field import Field

_PANEL = 2.3
_LETTERS_AN_INCH = 14
_PASSES = 3
"""Number of layout passes: next to colour bars, one or two leave long row names partly outside the figure."""


def plot_slices(
    volumes: Fields,
    channels: str | Sequence[str] | None = None,
    plane: str | Sequence[float] | None = None,
    position: float | None = None,
    *,
    grid: Grid | None = None,
    difference: bool = False,
    atoms: AtomList | None = None,
    unit: str = "",
    title: str = "",
) -> Figure:
    """Slices through fields, one row per field and one column per channel.

    The fields of a column share one colour scale, which starts at 0, or is symmetric about 0 for signed fields; the
    differences of a column share a scale that is symmetric about 0. Atoms within 0.6 Å of the plane are drawn. With
    atoms, the figure shows the grid up to 3 Å around them, else the whole grid; points outside the grid are grey. Of a
    periodic volume the whole cell is shown, with its outline.

    Args:
        volumes: a field, or fields by name; the first is the reference.
        channels: the channels to show; by default those that are not empty in the reference.
        plane: ``"x"``, ``"y"`` or ``"z"`` for the plane perpendicular to that axis, ``"atoms"`` for the mean plane of
            the atoms, or a normal [3]. By default the plane of the grid if it is one node thick, else the plane of
            the first two vectors of a periodic volume, else ``"atoms"`` if there are atoms, else ``"z"``.
        position: position along the normal in Å (for ``"atoms"``, from their mean plane); by default, for each
            channel, the plane with the largest sum of squares in the reference, of a signed distance inside the
            surface.
        grid: the grid to slice; by default that of the first volume. Required if no field is a `Volume`.
        difference: add a row with the difference from the first field for every other field.
        atoms: the atoms to draw; by default those of the fields.
        unit: unit of the values, shown at the colour bars.
        title: title of the figure.

    Returns:
        A matplotlib figure that pyplot does not manage, for `save_figure` or `Page.figure`.

    Raises:
        ValueError: no fields, no grid, an unknown plane, a position outside the grid, or ``difference`` with one field.
        KeyError: a channel is not in a field.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fields = named_fields(volumes)
    if difference and len(fields) < 2:
        raise ValueError("volumes: expected at least two fields for difference=True, got 1; put the reference first")
    where = shared_grid(fields, grid)
    reference = next(iter(fields.values()))
    sampled = as_volume(reference, grid)
    names = chosen_channels(sampled, channels)
    seen = known_atoms(fields.values(), atoms)
    planes = planes_through(where, plane, seen, sampled.periodic)
    drawn = seen and atoms_in_cell(seen, sampled)[0]
    cell = (cell_corners(sampled) - planes.origin) @ planes.rows.T
    if position is None:
        places = planes.best(reference, names, inside=is_distance(sampled))
    else:
        places = dict.fromkeys(names, _inside(planes, position))

    rows = len(fields) + (len(fields) - 1 if difference else 0)
    u_low, u_high, v_low, v_high = planes.window
    tall = min(max((v_high - v_low) / max(u_high - u_low, 1e-9), 0.4), 2.0)
    figure = Figure(figsize=(0.6 + len(names) * (_PANEL + 0.75), 0.75 + rows * (_PANEL * tall + 0.12)))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=0.04, h_pad=0.04, wspace=0.03, hspace=0.02)
    figure.patch.set(facecolor="white", gid=PAPER)
    grid_of_axes = figure.subplots(rows, len(names), sharex=True, sharey=True, squeeze=False)
    for column, (name, axes) in enumerate(zip(names, grid_of_axes.T, strict=True)):
        values, differences = _samples(fields, name, planes, places[name], difference)
        axes[0].set_title(f"{name}\n", fontsize=11, fontweight="bold", color=INK, pad=4, parse_math=False)
        axes[0].text(
            0.5, 1.02, planes.label(places[name]), transform=axes[0].transAxes, ha="center", va="bottom",
            fontsize=7.5, color=INK,
        )  # fmt: skip
        groups = [(values, False, list(axes[: len(values)])), (differences, True, list(axes[len(values) :]))]
        for panels, signed, panel_axes in groups:
            if panels:
                _draw_group(figure, panel_axes, panels, signed, planes, unit)
        for axis in axes:
            if drawn is not None:
                draw_atoms(axis, drawn, planes, places[name])
            if len(cell):
                draw_cell(axis, cut_by_plane(cell, places[name]))
            _dress(axis, planes, first=column == 0, last=axis is axes[-1])
    _name_rows(grid_of_axes[:, 0], list(fields), difference, letters=round(_PANEL * tall * _LETTERS_AN_INCH))
    if title:
        figure.suptitle(title, fontsize=12, color=INK, parse_math=False)
    for _ in range(_PASSES):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def _inside(planes: Planes, position: float) -> float:
    places = planes.candidates()
    low, high = min(places[0], planes.span[0]), max(places[-1], planes.span[1])
    if not low - 1e-6 <= position <= high + 1e-6:
        raise ValueError(
            f"position: expected a value between {low:.3g} and {high:.3g} Å, got {position}; choose one in between"
        )
    return float(position)


def _samples(
    fields: dict[str, Field], name: str, planes: Planes, place: float, difference: bool
) -> tuple[list[Array], list[Array]]:
    values = [planes.sample(field, (name,), np.array([place]))[0, 0] for field in fields.values()]
    return values, [one - values[0] for one in values[1:]] if difference else []


def _draw_group(figure: Figure, axes: list[Axes], panels: list[Array], signed: bool, planes: Planes, unit: str) -> None:
    from matplotlib.ticker import MaxNLocator

    scale = scale_of(panels, signed)
    images = [draw_panel(axis, panel, scale, planes.window, signed) for axis, panel in zip(axes, panels, strict=True)]
    bar = figure.colorbar(images[0], ax=axes, fraction=0.05, pad=0.02, aspect=18 * len(axes))
    bar.ax.tick_params(labelsize=7, colors=INK, length=2)
    bar.outline.set_visible(False)
    bar.locator = MaxNLocator(5)
    if unit:
        bar.set_label(unit, fontsize=7.5, color=INK)


def _dress(axis: Axes, planes: Planes, first: bool, last: bool) -> None:
    axis.tick_params(labelsize=7, colors=INK, length=2, labelleft=first, labelbottom=last)
    for spine in axis.spines.values():
        spine.set(color=INK, linewidth=0.5, alpha=0.5)
    if last:
        axis.set_xlabel(f"{planes.names[0]} (Å)", fontsize=7.5, color=INK)
    if first:
        axis.set_ylabel(f"{planes.names[1]} (Å)", fontsize=7.5, color=INK)


def _name_rows(axes: np.ndarray, names: list[str], difference: bool, letters: int) -> None:
    rows = list(names)
    if difference:
        several = len(names) > 2
        rows += [f"{name} − {names[0]}" if several else "difference" for name in names[1:]]
    for axis, row in zip(axes, rows, strict=True):
        if row:
            axis.set_ylabel(f"{fill(row, letters)}\n{axis.get_ylabel()}", fontsize=8.5, color=INK, parse_math=False)
