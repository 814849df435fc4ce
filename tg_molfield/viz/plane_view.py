"""`PlaneView`: the fields, the plane and the atoms that slices and projections show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.principal_axes import Array
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.volume import Volume
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
from tg_molfield.viz.planes import Planes, planes_through
from tg_molfield.viz.unit_cell import atoms_in_cell, cell_corners

if TYPE_CHECKING:
    from tg_molfield.fields.field import Field


@dataclass(frozen=True)
class PlaneView:
    """What slices and projections show.

    Attributes:
        fields: by name, the first is the reference.
        sampled: the reference on the grid.
        names: of the channels that are shown.
        units: of the channels, by name.
        planes: the planes along the normal.
        atoms: what is drawn of the atoms of each field; None where there are none.
        corners: those of the cell [8, 3], in the axes of the planes; none without a cell.
    """

    fields: dict[str, Field]
    sampled: Volume
    names: tuple[str, ...]
    units: dict[str, str]
    planes: Planes
    atoms: list[AtomList | None]
    corners: Array


def plane_view(
    fields: Fields,
    channels: str | Sequence[str] | None,
    plane: str | Sequence[float] | None,
    grid: Grid | None,
    atoms: AtomList | None,
    unit: str | None,
) -> PlaneView:
    """The view of fields that `plot_slices` describes."""
    named = named_fields(fields)
    where = shared_grid(named, grid)
    reference = next(iter(named.values()))
    sampled = as_volume(reference, grid)
    names = chosen_channels(sampled, channels)
    seen = known_atoms(named.values(), atoms)
    planes = planes_through(where, plane, seen, sampled.periodic)
    drawn = [one and atoms_in_cell(one, sampled)[0] for one in atoms_of_each(named.values(), atoms)]
    corners = (cell_corners(sampled) - planes.origin) @ planes.rows.T
    return PlaneView(named, sampled, names, units_of(reference, names, unit), planes, drawn, corners)
