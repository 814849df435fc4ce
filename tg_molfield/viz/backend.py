"""What fields below show and save themselves with, see `tg_molfield.display.backend`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tg_molfield.arguments import as_names
from tg_molfield.chem.principal_axes import positions, principal_axes
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.volume import Volume
from tg_molfield.viz.colored_surfaces import plot_colored_surfaces
from tg_molfield.viz.definitions import described
from tg_molfield.viz.field_page import field_page
from tg_molfield.viz.figures import save_figure
from tg_molfield.viz.inputs import as_volume, named_fields, one_channel
from tg_molfield.viz.interactive import interactive_surfaces
from tg_molfield.viz.molecule import formula
from tg_molfield.viz.notebook_page import page_in_notebook, show_page
from tg_molfield.viz.page import Page
from tg_molfield.viz.projections import plot_projections
from tg_molfield.viz.slices import plot_slices

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("slices", "projections")
_MARGIN = 3.0
_NODES = 60
"""Nodes along the longest side of a grid that is made for a plot."""

_STEP = 0.25


def plot_field(
    field: Field,
    kind: str,
    channels: str | Sequence[str] | None,
    plane: str | Sequence[float] | None,
    grid: Grid | None,
    **options: Any,
) -> Figure:
    """See `Field.plot`."""
    if kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}; choose one")
    if grid is None and not isinstance(field, Volume):
        grid = _grid_around(field, plane is None or plane == "atoms")
    plot = plot_slices if kind == "slices" else plot_projections
    return plot(field, channels, plane, grid=grid, **options)


def show_field(
    field: Field,
    channels: str | Sequence[str] | None,
    level: float | Mapping[str, float] | None,
    color_by: Field | None,
    grid: Grid | None,
    **options: Any,
) -> None:
    """See `Field.show`."""
    if grid is None and not isinstance(field, Volume):
        grid = _grid_around(field, along_atoms=True)
    volume = as_volume(named_fields(field, "field")[""], grid)
    if color_by is None:
        figure: Any = interactive_surfaces(volume, channels, level, **options)
        kind = "Isosurfaces."
    else:
        channel = _only_channel(field, channels)
        value = level.get(channel) if isinstance(level, Mapping) else level
        figure = plot_colored_surfaces(volume, color_by, channel, value, **options)
        kind = f"The surface of {channel}, coloured by {options.get('color_channel') or color_by.channels[0]}."
    title = type(field).__name__ if field.atoms is None else formula(field.atoms)
    page = Page(title).figure(figure, f"{kind} {described(volume)}")
    show_page(page, repr(field))


def figure_in_notebook(figure: Any) -> str:
    """A figure of `Page.figure` as HTML for the output of a cell."""
    return page_in_notebook(Page("figure").figure(figure), bare=True)


def save_volume(volume: Volume, path: Path) -> None:
    """Write a volume as a picture of its slices or as a page with its surfaces too, by the suffix."""
    if path.suffix.lower() == ".html":
        field_page(path.stem, volume).save(path)
    else:
        save_figure(plot_slices(volume), path)


def _only_channel(field: Field, channels: str | Sequence[str] | None) -> str:
    """The channel whose surface is coloured."""
    if channels is not None and not isinstance(channels, str):
        names = as_names("channels", channels)
        if len(names) != 1:
            raise ValueError(f"channels: expected one channel with color_by, got {len(names)}; choose one")
        channels = names[0]
    return one_channel(field, channels, "channels")


def _grid_around(field: Field, along_atoms: bool) -> Grid:
    """A grid around the atoms, along their principal axes or those of space."""
    named_fields(field, "field")
    if field.atoms is None or not len(field.atoms.z):
        raise ValueError(
            "grid: expected a grid because the field has no atoms, got none; give for example Grid.around(pos)"
        )
    pos = positions(field.atoms)
    rows = principal_axes(pos) if along_atoms else np.eye(3)
    placed = (pos - pos.mean(0)) @ rows.T
    low, high = placed.min(0) - _MARGIN, placed.max(0) + _MARGIN
    step = max(_STEP, float((high - low).max()) / _NODES)
    x, y, z = (tuple(axis) for axis in (step * rows).tolist())
    nx, ny, nz = (np.ceil((high - low) / step - 1e-9).astype(int) + 1).tolist()
    return Grid(tuple((pos.mean(0) + low @ rows).tolist()), (x, y, z), (nx, ny, nz))
