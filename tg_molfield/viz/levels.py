"""The levels (isovalues) of surfaces."""

from __future__ import annotations

from collections.abc import Mapping

from tg_molfield.fields.volume import Volume

LEVEL = 0.3
"""The default level, as a fraction of the largest absolute value of the channel."""


def value_range(volume: Volume, channel: str) -> tuple[float, float]:
    """The smallest and the largest value of a channel.

    Raises:
        ValueError: values are NaN or infinite.
    """
    values = volume.values[volume.channel_indices(channel)].detach()
    bad = int((~values.isfinite()).sum())
    if bad:
        raise ValueError(
            f"volume: expected finite values in channel {channel!r}, got {bad} NaN or infinite ones; replace them"
        )
    return float(values.min()), float(values.max())


def surface_levels(reference: Volume, channel: str, levels: float | Mapping[str, float] | None) -> tuple[float, ...]:
    """The level of a channel: as given, else 0.3 of its largest absolute value; two levels, ±, for a signed channel.

    Args:
        reference: the volume that determines the levels.
        channel: name of the channel.
        levels: one for all channels or by channel.

    Raises:
        ValueError: the given level is outside the range of the channel, or values are NaN or infinite.
    """
    low, high = value_range(reference, channel)
    given = levels.get(channel) if isinstance(levels, Mapping) else levels
    if given is not None:
        require_between(given, channel, low, high)
        return (float(given),)
    level = LEVEL * max(abs(low), abs(high))
    return (level, -level) if low < -level else (level,)


def require_between(level: float, channel: str, low: float, high: float) -> None:
    """Raise a ``ValueError`` with the range unless ``low`` < ``level`` < ``high``."""
    if not low < level < high:
        raise ValueError(
            f"level: expected a value between {low:.6g} and {high:.6g} for channel {channel!r}, got {level:.6g}; "
            "choose one in between"
        )
