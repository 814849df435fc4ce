"""At which values surfaces lie."""

from __future__ import annotations

from collections.abc import Mapping

from tg_molfield.fields.volume import Volume

LEVEL = 0.3
"""The share of a channel's greatest absolute value at which its surface lies unless a level is given."""


def value_range(volume: Volume, channel: str) -> tuple[float, float]:
    """The least and the greatest value of a channel.

    Raises:
        ValueError: values are NaN or infinite.
    """
    values = volume.values[volume.channel_indices(channel)].detach()
    bad = int((~values.isfinite()).sum())
    if bad:
        raise ValueError(f"volume: channel {channel!r} has {bad} values that are NaN or infinite; repair them first")
    return float(values.min()), float(values.max())


def surface_levels(reference: Volume, channel: str, levels: float | Mapping[str, float] | None) -> tuple[float, ...]:
    """The level of a channel: as given, else 0.3 of its greatest absolute value, on both sides of 0 where it is signed.

    Args:
        reference: whose values count.
        channel: its name.
        levels: one for all channels or by name.

    Raises:
        ValueError: the level given lies outside the channel's range, or values are NaN or infinite.
    """
    low, high = value_range(reference, channel)
    given = levels.get(channel) if isinstance(levels, Mapping) else levels
    if given is not None:
        require_between(given, channel, low, high)
        return (float(given),)
    level = LEVEL * max(abs(low), abs(high))
    return (level, -level) if low < -level else (level,)


def require_between(level: float, channel: str, low: float, high: float) -> None:
    """Raise a ValueError, with the range, unless ``low`` < ``level`` < ``high``."""
    if not low < level < high:
        raise ValueError(
            f"level={level:.6g}: channel {channel!r} lies between {low:.6g} and {high:.6g}; choose one in between"
        )
