"""Fields as the samples that a fit sees."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tg_molfield.fields import Field, Grid, Volume
from tg_molfield.inverse.superres.checks import COPIES, check_content, check_memory

Fields = Field | Sequence[Field]
Grids = Grid | Sequence[Grid] | None


@torch.no_grad()
def sampled(
    fields: Fields, grid: Grids, channels: tuple[str, ...], count: int, missing: bool, max_bytes: int | None
) -> list[Volume]:
    """The volumes that ``count`` fields are on their grids.

    Args:
        fields: with these channels.
        grid: one for all, or one for each; a `Volume` is taken at its own nodes if None.
        channels: the names.
        count: how many fields there must be.
        missing: whether a volume may have NaN where it is not known.
        max_bytes: of memory to use; what is free if not given.

    Raises:
        ValueError: their number, channels, grids or values do not fit.
        MemoryError: too many nodes; raised before any field is evaluated.
    """
    given = [fields] if isinstance(fields, Field) else list(fields)
    grids: list[Grid | None] = [grid] * count if grid is None or isinstance(grid, Grid) else list(grid)
    if len(given) != count or len(grids) != count:
        raise ValueError(f"fields are {len(given)}, grids {len(grids)}: give one for each of {count} volumes")
    places = [_place(i, one, where, channels) for i, (one, where) in enumerate(zip(given, grids, strict=True))]
    for place in places:
        check_memory(place, COPIES * len(channels) * count, max_bytes, "give a coarser grid or crop it")
    volumes = [_on(one, place) for one, place in zip(given, places, strict=True)]
    for volume in volumes:
        check_content(volume, missing)
    return volumes


def _place(index: int, field: Field, grid: Grid | None, channels: tuple[str, ...]) -> Grid:
    if field.channels != channels:
        raise ValueError(f"field {index} has channels {field.channels}: give {channels}, such as by f[names]")
    if grid is not None:
        return grid
    if not isinstance(field, Volume):
        raise ValueError(f"grid is None and field {index} is {field}: give the grid to see it on")
    return field.grid


def _on(field: Field, grid: Grid) -> Volume:
    return field if isinstance(field, Volume) and field.grid == grid else field.on(grid)
