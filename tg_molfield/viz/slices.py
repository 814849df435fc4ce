"""`plot_slices`: slices through fields, fields in rows and channels in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tg_molfield.chem.atoms import AtomList
from tg_molfield.fields.grid import Grid
from tg_molfield.viz.inputs import Fields, named_fields
from tg_molfield.viz.levels import is_distance
from tg_molfield.viz.panel_figure import Column, Group, panel_figure
from tg_molfield.viz.panels import draw_atoms, draw_cell
from tg_molfield.viz.plane_view import plane_view
from tg_molfield.viz.planes import Planes
from tg_molfield.viz.signs import is_signed
from tg_molfield.viz.unit_cell import cut_by_plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tg_molfield.chem.principal_axes import Array
    from tg_molfield.fields.field import Field


def plot_slices(
    volumes: Fields,
    channels: str | Sequence[str] | None = None,
    plane: str | Sequence[float] | None = None,
    position: float | None = None,
    *,
    grid: Grid | None = None,
    difference: bool = False,
    atoms: AtomList | None = None,
    unit: str | None = None,
    title: str = "",
) -> Figure:
    """Slices through fields, one row per field and one column per channel.

    The fields of a column share one colour scale, which starts at 0 for channels that cannot be negative by their
    definition, else is symmetric about 0, red below and blue above; the differences of a column share a scale that is
    symmetric about 0. More than four channels of one field are in several rows. Atoms within 0.6 Å of the plane are
    drawn. With atoms, the figure shows the grid up to 3 Å around them, else the whole grid; points outside the grid are
    grey. Of a periodic volume the whole cell is shown, with its outline.

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
        atoms: the atoms to draw; by default each field's own, those of the first where it has none and for differences.
        unit: unit of the values, shown at the colour bars; by default what the definition of the fields tells.
        title: title of the figure.

    Returns:
        A matplotlib figure that pyplot does not manage, for `save_figure` or `Page.figure`; notebooks show it.

    Raises:
        ValueError: no fields, no grid, an unknown plane, a position outside the grid, or ``difference`` with one field.
        KeyError: a channel is not in a field.
    """
    fields = named_fields(volumes)
    if difference and len(fields) < 2:
        raise ValueError("volumes: expected at least two fields for difference=True, got 1; put the reference first")
    view = plane_view(fields, channels, plane, grid, atoms, unit)
    planes = view.planes
    if position is None:
        reference = next(iter(fields.values()))
        places = planes.best(reference, view.names, inside=is_distance(view.sampled))
    else:
        places = dict.fromkeys(view.names, _inside(planes, position))

    def decorate(axis: Axes, name: str, row: int) -> None:
        atoms = view.atoms[row if row < len(fields) else 0]
        if atoms is not None:
            draw_atoms(axis, atoms, planes, places[name])
        if len(view.corners):
            draw_cell(axis, cut_by_plane(view.corners, places[name]))

    columns = {}
    for name in view.names:
        values, differences = _samples(fields, name, planes, places[name], difference)
        groups = [Group(values, is_signed(view.sampled.mol_field, name)), Group(differences, True, is_difference=True)]
        columns[name] = Column(planes.label(places[name]), view.units[name], groups)
    return panel_figure(_rows(list(fields), difference), columns, planes, decorate, title)


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


def _rows(names: list[str], difference: bool) -> list[str]:
    if not difference:
        return names
    return names + [f"{name} − {names[0]}" if len(names) > 2 else "difference" for name in names[1:]]
