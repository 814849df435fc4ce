"""The fields handed to a picture: their names, the grid they are shown on, and the channels worth showing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from tg_molfield.chem.atoms import AtomList
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.volume import Volume

Fields = Field | Mapping[str, Field]
"""One field, or several by name; the first one is the reference."""

EMPTY = 1e-6
"""A channel whose greatest absolute value is below this share of the greatest of all channels is empty."""


def named_fields(volumes: Fields) -> dict[str, Field]:
    """The fields by name; a single field has the empty name.

    Raises:
        ValueError: there are none, or one holds a batch of functions.
        TypeError: something is not a field.
    """
    named = dict(volumes) if isinstance(volumes, Mapping) else {"": volumes}
    if not named:
        raise ValueError("volumes: is empty; give a Volume, a Field with a grid, or several by name")
    for name, field in named.items():
        if not isinstance(field, Field):
            raise TypeError(f"volumes: {name or 'it'} is a {type(field).__name__}; expected a Field or {{name: Field}}")
        if field.num_graphs != 1:
            raise ValueError(f"volumes: {name or 'it'} holds {field.num_graphs} functions; take one by unbatch()[i]")
    return named


def shared_grid(fields: Mapping[str, Field], grid: Grid | None) -> Grid:
    """``grid`` if it is given, else that of the first volume.

    Raises:
        ValueError: there is neither.
    """
    grids = [field.grid for field in fields.values() if isinstance(field, Volume)]
    if grid is None and not grids:
        raise ValueError("grid: no field here is a Volume; say where to look, such as grid=Grid.around(pos)")
    return grid if grid is not None else grids[0]


def as_volume(field: Field, grid: Grid | None) -> Volume:
    """The field as a volume: sampled on ``grid`` unless it is a volume and no grid is given."""
    return field if isinstance(field, Volume) and grid is None else field.on(shared_grid({"": field}, grid))


def known_atoms(fields: Mapping[str, Field], atoms: AtomList | None) -> AtomList | None:
    """``atoms`` if given, else those of the first field that has some."""
    found = [atoms, *(field.atoms for field in fields.values())]
    return next((one for one in found if one is not None and len(one.z)), None)


def chosen_channels(reference: Volume, channels: str | Sequence[str] | None) -> tuple[str, ...]:
    """The channels named, else those of the reference that are not empty; all of them if every one is.

    Raises:
        KeyError: a name is not a channel of the reference.
    """
    if channels is not None:
        names = (channels,) if isinstance(channels, str) else tuple(channels)
        reference.channel_indices(names)
        return names
    peaks = torch.nan_to_num(reference.values.detach(), 0.0, 0.0, 0.0).abs().flatten(1).amax(1)
    kept = tuple(
        name for name, peak in zip(reference.channels, peaks.tolist(), strict=True) if peak > EMPTY * float(peaks.max())
    )
    return kept or reference.channels
