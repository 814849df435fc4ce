"""`plot_projections`: fields seen through, along the normal of a plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.principal_axes import Array
from tg_molfield.fields.grid import Grid
from tg_molfield.viz.inputs import Fields
from tg_molfield.viz.panel_figure import Column, Group, panel_figure
from tg_molfield.viz.panels import draw_atoms, draw_cell
from tg_molfield.viz.plane_view import plane_view
from tg_molfield.viz.planes import Planes
from tg_molfield.viz.signs import is_signed
from tg_molfield.viz.unit_cell import EDGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tg_molfield.fields.field import Field

PROJECTIONS = ("maximum", "integral")
_RESOLUTION = 120


def plot_projections(
    volumes: Fields,
    channels: str | Sequence[str] | None = None,
    plane: str | Sequence[float] | None = None,
    how: str = "maximum",
    *,
    grid: Grid | None = None,
    atoms: AtomList | None = None,
    unit: str | None = None,
    title: str = "",
) -> Figure:
    """Projections of fields onto a plane with all atoms, one row per field and one column per channel.

    Args:
        volumes: a field, or fields by name; the first is the reference.
        channels: the channels to show; by default those that are not empty in the reference.
        plane: the plane, as in `plot_slices`.
        how: ``"maximum"``, the finite value that is largest in absolute value along the normal; or ``"integral"`` over
            the grid along the normal, in units times Å, grey where values on it are not finite.
        grid: the grid; by default that of the first volume. Required if no field is a `Volume`.
        atoms: the atoms to draw; by default each field's own, or those of the first where it has none.
        unit: unit of the values; by default what the definition of the fields tells.
        title: title of the figure.

    Returns:
        A matplotlib figure that pyplot does not manage, for `save_figure` or `Page.figure`; notebooks show it.

    Raises:
        ValueError: no fields, no grid, an unknown plane or projection.
        KeyError: a channel is not in a field.
    """
    if how not in PROJECTIONS:
        raise ValueError(f"how: expected one of {', '.join(PROJECTIONS)}, got {how!r}; choose one")
    view = plane_view(volumes, channels, plane, grid, atoms, unit)
    planes, units = view.planes, view.units
    samples = [_projected(field, view.names, planes, how) for field in view.fields.values()]

    def decorate(axis: Axes, name: str, row: int) -> None:
        atoms = view.atoms[row]
        if atoms is not None:
            draw_atoms(axis, atoms, planes, None)
        for first, second in view.corners[EDGES] if len(view.corners) else ():
            draw_cell(axis, np.stack([first, second])[:, :2])

    columns = {}
    for number, name in enumerate(view.names):
        written = f"{units[name]}·Å" if how == "integral" and units[name] else units[name]
        panels = [values[number] for values in samples]
        columns[name] = Column(
            f"{how} along {_normal(planes)}", written, [Group(panels, is_signed(view.sampled.mol_field, name))]
        )
    return panel_figure(list(view.fields), columns, planes, decorate, title)


def _normal(planes: Planes) -> str:
    return planes.names[2] if planes.names[2] in ("x", "y", "z") else "the normal"


def _projected(field: Field, names: Sequence[str], planes: Planes, how: str) -> Array:
    """The projections [C, rows, columns]; NaN where the normal misses the grid or values are not finite."""
    if how == "integral":
        middles, lengths = planes.stretches(_RESOLUTION)
        values = planes.sample(field, names, middles, _RESOLUTION)
        parts = np.where(lengths[:, None] > 0, values, 0.0) * lengths[:, None]
        return np.where((lengths > 0).any(0) & np.isfinite(parts).all(0), parts.sum(0), np.nan)
    values = planes.sample(field, names, planes.through_grid(), _RESOLUTION)
    finite = np.isfinite(values)
    known = np.where(finite, values, 0.0)
    flat = np.take_along_axis(known, np.abs(known).argmax(0)[None], 0)[0]
    return np.where(finite.any(0), flat, np.nan)
