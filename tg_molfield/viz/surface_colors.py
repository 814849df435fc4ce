"""The colours of the surfaces of a channel: blue above 0 and red below for signed ones, as in slices."""

from __future__ import annotations

from collections.abc import Sequence

from tg_molfield.display.colors import NEGATIVE, POSITIVE, channel_color
from tg_molfield.fields.volume import Volume
from tg_molfield.viz.levels import is_distance, value_range
from tg_molfield.viz.signs import NOISE, is_signed

SIDES = {1: POSITIVE, -1: NEGATIVE}
"""The colours of the two sides of a signed channel."""


def surface_colors(reference: Volume, channel: str, number: int, levels: Sequence[float]) -> tuple[str, ...]:
    """The colour of the surface at each level.

    Distances, which have one surface, and channels that are not signed have the colour of the channel.

    Args:
        reference: the volume that determines the levels.
        channel: name of the channel.
        number: of the channel among those that are shown.
        levels: see `surface_levels`.
    """
    signed = is_signed(reference.mol_field, channel)
    if signed is None:
        low, high = value_range(reference, channel)
        signed = low < -NOISE * max(abs(low), abs(high))
    if is_distance(reference) or (not signed and len(levels) == 1):
        return (channel_color(channel, number),)
    return tuple(SIDES[1 if level > 0 else -1] for level in levels)
