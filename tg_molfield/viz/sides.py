"""The surfaces of a channel: their levels, colours and names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tg_molfield.fields.volume import Volume
from tg_molfield.viz.levels import level_label, surface_levels, value_range
from tg_molfield.viz.surface_colors import surface_colors


class Side(NamedTuple):
    """One surface of a channel, of which signed ones have two.

    Attributes:
        channel: name of the channel.
        level: the isovalue.
        color: of the surface.
        label: its name in the legend.
    """

    channel: str
    level: float
    color: str
    label: str

    def crosses(self, volume: Volume) -> bool:
        """Whether the values of a volume are on both sides of the level."""
        low, high = value_range(volume, self.channel)
        return low < self.level < high


def sides_of(
    reference: Volume, channel: str, number: int, levels: float | Mapping[str, float] | None, unit: str
) -> list[Side]:
    """The surfaces of a channel.

    Args:
        reference: the volume that determines the levels.
        channel: name of the channel.
        number: of the channel among those that are shown.
        levels: see `surface_levels`.
        unit: of the values, may be empty.
    """
    values = surface_levels(reference, channel, levels)
    colors = surface_colors(reference, channel, number, values)
    signed = len(values) > 1
    return [
        Side(channel, level, color, level_label(reference, channel, level, unit, signed))
        for level, color in zip(values, colors, strict=True)
    ]
