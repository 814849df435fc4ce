"""The layout of figures with fields in rows and channels in columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tg_molfield.chem.principal_axes import Array
from tg_molfield.display.colors import INK
from tg_molfield.viz.figures import PAPER
from tg_molfield.viz.panels import draw_panel, scale_of
from tg_molfield.viz.planes import Planes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL = 2.3
_LINE = 0.19
"""Inches of a line of a name."""

_FEWEST_LETTERS = 8
_MOST_LINES = 3
"""Of the name of a row."""

_MOST_COLUMNS = 4
"""Channels of one field beside each other, which is what a page has room for."""

_PASSES, _MOST_PASSES = 2, 5
"""Number of layout passes: at least, and at most until nothing is near the border."""
_BORDER = 0.02
"""Inches of it that are empty."""


class Group(NamedTuple):
    """Panels [rows, columns] from top to bottom that share a colour scale.

    Attributes:
        panels: the samples.
        signed: whether they can be negative; None if that is not known.
        is_difference: whether they are differences of fields.
    """

    panels: list[Array]
    signed: bool | None
    is_difference: bool = False


class Column(NamedTuple):
    """The panels of a channel.

    Attributes:
        label: below the name of the channel.
        unit: of the values, may be empty.
        groups: the panels from top to bottom.
    """

    label: str
    unit: str
    groups: list[Group]


def in_bands(channels: Sequence[str]) -> list[tuple[str, ...]]:
    """Channels in parts that are nearly equal, of at most as many columns as are readable side by side."""
    bands = -(-len(channels) // _MOST_COLUMNS)
    width = -(-len(channels) // bands)
    return [tuple(channels[first : first + width]) for first in range(0, len(channels), width)]


def panel_figure(
    rows: Sequence[str],
    columns: Mapping[str, Column],
    planes: Planes,
    decorate: Callable[[Axes, str, int], None],
    title: str,
) -> Figure:
    """A figure with one panel for each row and column.

    Args:
        rows: their names, may be empty.
        columns: by channel.
        planes: the window that all panels show.
        decorate: draws what lies over a panel, by its channel and its row from 0.
        title: of the figure.
    """
    from tg_molfield.viz.notebook_figure import NotebookFigure

    u_low, u_high, v_low, v_high = planes.window
    tall = min(max((v_high - v_low) / max(u_high - u_low, 1e-9), 0.4), 2.0)
    width, bands = len(columns), 1
    if len(rows) == 1:
        parts = in_bands(tuple(columns))
        width, bands = len(parts[0]), len(parts)
    names = {name: _wrapped(name, _PANEL + 0.5, 11, "bold") for name in columns}
    lines = max(name.count("\n") for name in names.values())
    across, down = 0.6 + width * (_PANEL + 0.75), 0.75 + _LINE * lines + len(rows) * (_PANEL * tall + 0.12)
    heading = _wrapped(title, across - 0.2, 12)
    figure = NotebookFigure(figsize=(across, bands * down + _LINE * heading.count("\n")))
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.04, wspace=0.03, hspace=0.02)
    figure.patch.set(facecolor="white", gid=PAPER)
    grid_of_axes = figure.subplots(bands * len(rows), width, sharex=True, sharey=True, squeeze=False)
    places = grid_of_axes.T if bands == 1 else grid_of_axes.reshape(-1, 1)
    for unused in places[len(columns) :]:
        unused[0].remove()
    for number, ((name, (label, unit, groups)), axes) in enumerate(zip(columns.items(), places, strict=False)):
        axes[0].set_title(f"{names[name]}\n", fontsize=11, fontweight="bold", color=INK, pad=4, parse_math=False)
        axes[0].text(
            0.5, 1.02, label, transform=axes[0].transAxes, ha="center", va="bottom", fontsize=7.5, color=INK
        )  # fmt: skip
        first = 0
        for group in groups:
            if group.panels:
                _draw_group(figure, list(axes[first : first + len(group.panels)]), group, planes, unit)
            first += len(group.panels)
        for row, axis in enumerate(axes):
            decorate(axis, name, row)
            _dress(axis, planes, first=number % width == 0, last=axis is axes[-1])
    _name_rows(places[0] if bands > 1 else grid_of_axes[:, 0], rows, _PANEL * tall)
    if title:
        figure.suptitle(heading, fontsize=12, color=INK, parse_math=False)
    engine = figure.get_layout_engine()
    assert engine is not None
    for number in range(1, _MOST_PASSES + 1):
        engine.execute(figure)
        if number >= _PASSES and _is_inside(figure):
            break
    figure.set_layout_engine("none")
    return figure


def _is_inside(figure: Figure) -> bool:
    """Whether the border of the figure is empty."""
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    return bool(min(box.x0, box.y0, width - box.x1, height - box.y1) >= _BORDER)


def _draw_group(figure: Figure, axes: list[Axes], group: Group, planes: Planes, unit: str) -> None:
    from matplotlib.ticker import MaxNLocator

    scale = scale_of(group.panels, group.signed)
    images = [
        draw_panel(axis, panel, scale, planes.window, group.is_difference)
        for axis, panel in zip(axes, group.panels, strict=True)
    ]
    bar = figure.colorbar(images[0], ax=axes, fraction=0.05, pad=0.02, aspect=18 * len(axes))
    bar.ax.tick_params(labelsize=7, colors=INK, length=2)
    bar.outline.set_visible(False)
    bar.locator = MaxNLocator(5)
    bar.ax.yaxis.get_offset_text().set(size=7, color=INK)
    if unit:
        bar.set_label(unit, fontsize=7.5, color=INK)


def _wrapped(text: str, inches: float, points: float, weight: str = "normal", most_lines: int | None = None) -> str:
    """Text in lines that are no longer than some inches, but for those of a few letters."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=points, weight=weight)
    letters, lines = len(text), [" ".join(text.split())]

    def width(line: str) -> float:
        return float(text_to_path.get_text_width_height_descent(line, font, ismath=False)[0]) / 72

    while letters > _FEWEST_LETTERS and max(map(width, lines)) > inches:
        letters = max(_FEWEST_LETTERS, int(0.95 * letters))
        lines = wrap(text, letters, max_lines=most_lines, placeholder=" …")
    return "\n".join(lines)


def _dress(axis: Axes, planes: Planes, first: bool, last: bool) -> None:
    axis.grid(visible=False)
    axis.tick_params(labelsize=7, colors=INK, length=2, labelleft=first, labelbottom=last)
    for spine in axis.spines.values():
        spine.set(color=INK, linewidth=0.5, alpha=0.5)
    if last:
        axis.set_xlabel(f"{planes.names[0]} (Å)", fontsize=7.5, color=INK)
    if first:
        axis.set_ylabel(f"{planes.names[1]} (Å)", fontsize=7.5, color=INK)


def _name_rows(axes: np.ndarray, names: Sequence[str], inches: float) -> None:
    for axis, row in zip(axes, names, strict=True):
        if row:
            axis.set_ylabel(
                f"{_wrapped(row, inches, 8.5, most_lines=_MOST_LINES)}\n{axis.get_ylabel()}",
                fontsize=8.5,
                color=INK,
                parse_math=False,
            )
