"""Fields of molecules on grids."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from tg_molfield.fields import Field, Grid, Volume

_FARTHEST = 20.0


def grid_of(data: Data, spacing: float, margin: float | None, default: float = 4.0) -> Grid:
    """A box around the atoms of a molecule, the unit cell of a crystal or slab; a box too where a margin is given.

    Raises:
        ValueError: the spacing is larger than the box, or not positive.
    """
    from tg_molfield.fields import Grid

    grid = Grid.of(data, spacing, default) if margin is None else Grid.around(data.pos, spacing, margin)
    longest = float((data.pos.amax(0) - data.pos.amin(0)).max()) + 2 * (default if margin is None else margin)
    if 0 < longest < spacing:
        raise ValueError(
            f"--spacing: expected less than the box around the atoms, {longest:.3g} Å, got {spacing:g}; 0.25 is usual"
        )
    return grid


def default_margin(field: Field, level: float | None, spacing: float) -> float:
    """4 Å, or more for a surface at a distance ``level`` from the spheres of the atoms, up to 20 Å."""
    from tg_molfield.fields import DistanceField

    if not isinstance(field, DistanceField):
        return 4.0
    return max(4.0, float(field.base.widths.max()) + min(level or 0.0, _FARTHEST) + 2 * spacing)


def sampled(field: Field, grid: Grid) -> Volume:
    """The values of a field at the nodes of a grid.

    Raises:
        MemoryError: they do not fit in memory.
    """
    try:
        return field.on(grid)
    except (RuntimeError, MemoryError) as error:
        if "memory" not in str(error) and not isinstance(error, MemoryError):
            raise
        raise MemoryError(
            f"--spacing: expected a grid that fits in memory, got {nodes(grid)} of {len(field.channels)} channels; "
            "give a larger spacing, a smaller margin or fewer channels"
        ) from error


def nodes(grid: Grid) -> str:
    """The nodes along each axis, in words."""
    return f"{'×'.join(map(str, grid.shape))} nodes"
