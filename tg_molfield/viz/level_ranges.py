"""The range of the slider that chooses the level of a channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tg_molfield.fields.volume import Volume
from tg_molfield.viz.levels import value_range
from tg_molfield.viz.signs import NOISE

_LEAST, _MOST = 0.005, 0.95
"""Fractions of the largest absolute value of a channel, between which levels are chosen on a logarithmic scale."""

_EDGE = 0.02
"""The fraction of the range of values that a linear scale leaves out at either end."""


class LevelRange(NamedTuple):
    """What a slider offers: from ``least`` to ``most``, in equal steps or equal ratios."""

    least: float
    most: float
    is_logarithmic: bool


def level_range(reference: Volume, channel: str, levels: Sequence[float]) -> LevelRange:
    """The levels that are worth looking at, around those of `surface_levels`.

    Args:
        reference: the volume that determines the levels.
        channel: name of the channel.
        levels: one, or two for a signed channel, of which the first is above 0.
    """
    low, high = value_range(reference, channel)
    peak = max(abs(low), abs(high))
    if levels[0] > 0 and (
        len(levels) > 1 or -NOISE * peak <= low < _LEAST * peak or levels[0] < low + _EDGE * (high - low)
    ):
        return LevelRange(min(_LEAST * peak, levels[0]), max(_MOST * peak, levels[0]), True)
    edge = _EDGE * (high - low)
    least, most = min(low + edge, levels[0]), max(high - edge, levels[0])
    return LevelRange(least, most if most > least else least + 1.0, False)
