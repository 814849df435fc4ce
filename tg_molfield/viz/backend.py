"""What fields below show and save themselves with, see `tg_molfield.display.backend`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tg_molfield.chem.principal_axes import positions, principal_axes
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.volume import Volume
from tg_molfield.viz.field_page import field_page
from tg_molfield.viz.figures import save_figure
from tg_molfield.viz.inputs import named_fields
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


def save_volume(volume: Volume, path: Path) -> None:
    """Write a volume as a picture of its slices or as a page with its surfaces too, by the suffix."""
    if path.suffix.lower() == ".html":
        field_page(path.stem, volume).save(path)
    else:
        save_figure(plot_slices(volume), path)


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
