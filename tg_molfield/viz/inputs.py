"""The inputs of plots: fields by name, their grid, their atoms, and the channels to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from tg_molfield.arguments import as_names, check_kind
from tg_molfield.chem.atoms import AtomList
from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.units import unit_of
from tg_molfield.fields.volume import Volume

Fields = Field | Mapping[str, Field]
"""One field, or several by name; the first is the reference."""

EMPTY = 1e-6
"""A channel is empty if its largest absolute value is below this fraction of the largest of all channels."""


def named_fields(volumes: Fields, argument: str = "volumes") -> dict[str, Field]:
    """The fields by name; a single field has the empty name.

    Args:
        volumes: the fields.
        argument: their name for errors.

    Raises:
        ValueError: there are none, or one has several molecules.
        TypeError: one is not a field.
    """
    named = dict(volumes) if isinstance(volumes, Mapping) else {"": volumes}
    if not named:
        raise ValueError(
            f"{argument}: expected at least one field, got none; give a Volume, a Field with a grid, or {{name: field}}"
        )
    for name, field in named.items():
        place = f"{argument}[{name!r}]" if name else argument
        if not isinstance(field, Field):
            raise TypeError(
                f"{place}: expected a Field, got {type(field).__name__}; give a Volume, a Field or {{name: field}}"
            )
        if field.num_graphs != 1:
            raise ValueError(
                f"{place}: expected a field of one molecule, got {field.num_graphs}; take one with unbatch()[i]"
            )
    return named


def shared_grid(fields: Mapping[str, Field], grid: Grid | None) -> Grid:
    """``grid`` if given, else the grid of the first volume.

    Raises:
        ValueError: there is neither.
    """
    grids = [field.grid for field in fields.values() if isinstance(field, Volume)]
    if grid is None and not grids:
        raise ValueError(
            "grid: expected a grid because no field is a Volume, got none; give for example Grid.around(pos)"
        )
    return grid if grid is not None else grids[0]


def as_volume(field: Field, grid: Grid | None) -> Volume:
    """The field sampled on ``grid``, or the field itself if it is a volume and no grid is given."""
    return field if isinstance(field, Volume) and grid is None else field.on(shared_grid({"": field}, grid))


def known_atoms(fields: Iterable[Field], atoms: AtomList | None) -> AtomList | None:
    """``atoms`` if given, else those of the first field that has atoms."""
    found = [atoms, *(field.atoms for field in fields)]
    return next((one for one in found if one is not None and len(one.z)), None)


def atoms_of_each(fields: Iterable[Field], atoms: AtomList | None) -> list[AtomList | None]:
    """For each field ``atoms`` if given, else its own; those of the first that has atoms where it has none."""
    known = list(fields)
    first = known_atoms(known, atoms)
    return [first if atoms is not None else known_atoms([field], None) or first for field in known]


def one_channel(field: Field, channel: str | None, argument: str) -> str:
    """The given channel, or the only one of the field.

    Raises:
        ValueError: the field has several channels and none is given.
        KeyError: there is no such channel.
        TypeError: the channel is no string.
    """
    if channel is not None:
        check_kind(argument, channel, str, "the name of a channel", f"give for example {field.channels[0]!r}")
        field.channel_indices(channel)
        return channel
    if len(field.channels) > 1:
        names = ", ".join(field.channels)
        names = names if len(names) <= 40 else names[:40] + "…"
        raise ValueError(f"{argument}: expected one of the channels {names}, got none; choose one")
    return field.channels[0]


def chosen_channels(reference: Volume, channels: str | Sequence[str] | None) -> tuple[str, ...]:
    """The given channels, or by default those of the reference that are not empty; all if every channel is empty.

    Raises:
        ValueError: there are none.
        KeyError: a name is not a channel of the reference.
        TypeError: these are no names.
    """
    if channels is not None:
        names = (channels,) if isinstance(channels, str) else tuple(as_names("channels", channels))
        reference.channel_indices(names)
        return _at_least_one(names)
    _at_least_one(reference.channels)
    peaks = torch.nan_to_num(reference.values.detach(), 0.0, 0.0, 0.0).abs().flatten(1).amax(1)
    kept = tuple(
        name for name, peak in zip(reference.channels, peaks.tolist(), strict=True) if peak > EMPTY * float(peaks.max())
    )
    return kept or reference.channels


def _at_least_one(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("channels: expected at least one channel to show, got none; give a field that has some")
    return names


def units_of(reference: Field, channels: Sequence[str], unit: str | None) -> dict[str, str]:
    """The unit of each channel: that given, else what the definition of the reference tells."""
    return {name: unit_of(reference.mol_field, name) if unit is None else unit for name in channels}
