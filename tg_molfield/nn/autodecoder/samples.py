"""Fields sampled on grids, checked before a fit."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tg_molfield.arguments import as_list, check_kind
from tg_molfield.fields import Field, Grid, Volume
from tg_molfield.inverse.checks import COPIES, check_memory, check_values

Fields = Field | Sequence[Field]
Grids = Grid | Sequence[Grid] | None


@torch.no_grad()
def sample_fields(
    fields: Fields, grid: Grids, channels: tuple[str, ...], count: int, allow_nan: bool, max_bytes: int | None
) -> list[Volume]:
    """``count`` fields sampled on their grids.

    Args:
        fields: with these channels.
        grid: one for all, or one for each; a `Volume` keeps its own nodes if None.
        channels: the names.
        count: the number of fields expected.
        allow_nan: whether NaN may mark unknown values.
        max_bytes: the memory to use; what is available if not given.

    Raises:
        ValueError: their number, channels, grids or values do not fit.
        MemoryError: too many nodes; raised before any field is evaluated.
    """
    given = [fields] if isinstance(fields, Field) else as_list("fields", fields, "Field")
    for number, one in enumerate(given):
        check_kind(f"fields[{number}]", one, Field, "a Field", "give a Volume, or a Field with a grid")
    grids = [grid] * count if grid is None or isinstance(grid, Grid) else as_list("grid", grid, "Grid")
    if len(given) != count or len(grids) != count:
        raise ValueError(
            f"fields: expected {count}, one for each volume, with one grid or {count}, got {len(given)} fields and "
            f"{len(grids)} grids; change num_volumes or give one of each for every volume"
        )
    places = [_place(i, one, where, channels) for i, (one, where) in enumerate(zip(given, grids, strict=True))]
    for place in places:
        check_memory(place, COPIES * len(channels) * count, max_bytes, "give a coarser grid or crop it")
    volumes = [_on(one, place) for one, place in zip(given, places, strict=True)]
    for volume in volumes:
        check_values(volume, allow_nan)
    return volumes


def _place(index: int, field: Field, grid: Grid | None, channels: tuple[str, ...]) -> Grid:
    if field.channels != channels:
        raise ValueError(
            f"fields: expected channels {', '.join(channels)}, got {', '.join(field.channels)} in field {index}; "
            "select them with field[names]"
        )
    if grid is not None:
        return grid
    if not isinstance(field, Volume):
        raise ValueError(
            f"grid: expected a Grid, because field {index} is {field} and not a Volume, got None; give the grid to "
            "sample it on"
        )
    return field.grid


def _on(field: Field, grid: Grid) -> Volume:
    return field if isinstance(field, Volume) and field.grid == grid else field.on(grid)
