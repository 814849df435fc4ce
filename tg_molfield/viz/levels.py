"""The levels (isovalues) of surfaces."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

from tg_molfield.arguments import check_number
from tg_molfield.devices import in_double
from tg_molfield.fields.definition import MolField
from tg_molfield.fields.volume import Volume
from tg_molfield.viz.signs import NOISE

LEVEL = 0.3
"""The default level, as a fraction of the largest absolute value of the channel."""

_LEAST_SHARE = 0.3
"""Of the integral of a density without negative values: below, `LEVEL` encloses the cusps at nuclei alone."""


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


def is_distance(volume: Volume) -> bool:
    """Whether the values are known to be signed distances in Å, which are below 0 inside and have no largest value."""
    return isinstance(volume.mol_field, MolField) and volume.mol_field.aggregate == "distance"


def is_peaked(volume: Volume, channel: str) -> bool:
    """Whether a density, such as one of electrons, has peaks so high that 0.3 of the highest encloses next to nothing.

    Of definitions, those by form factors alone make such peaks.
    """
    if isinstance(volume.mol_field, MolField) and volume.mol_field.form_factors is None:
        return False
    low, high = value_range(volume, channel)
    if low < -NOISE * high or high <= 0:
        return False
    values = in_double(volume.values[volume.channel_indices(channel)].detach())
    return float(values[values > LEVEL * high].sum()) < _LEAST_SHARE * float(values.sum())


def _half_enclosing(volume: Volume, channel: str) -> float:
    """The level above which half of a density lies."""
    values = in_double(volume.values[volume.channel_indices(channel)].detach()).flatten().sort(descending=True).values
    return float(values[(values.cumsum(0) < values.sum() / 2).sum()])


def surface_levels(reference: Volume, channel: str, levels: float | Mapping[str, float] | None) -> tuple[float, ...]:
    """The level of a channel: as given, else 0.3 of its largest absolute value; two levels, ±, for a signed channel.

    The default level of a signed distance is 0. Where all values are above the default, as in a crystal they may be, it
    is at 0.3 of the way from the least to the largest; where all are below −0.3 of the largest absolute value, at 0.3
    of the way from the largest to the least. Of a density with high peaks at nuclei it is the level above
    which half of the density lies.

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
        check_number("level", given)
        require_between(given, channel, low, high)
        return (float(given),)
    if is_distance(reference):
        return (0.0,)
    level = _half_enclosing(reference, channel) if is_peaked(reference, channel) else LEVEL * max(abs(low), abs(high))
    if level <= low < high:
        return (low + LEVEL * (high - low),)
    if low < high <= -level:
        return (high - LEVEL * (high - low),)
    return (level, -level) if low < -level else (level,)


def level_digits(reference: Volume, channel: str) -> int:
    """How many digits tell a level from another: three, and more where values differ by little of their size."""
    low, high = value_range(reference, channel)
    peak = max(abs(low), abs(high))
    return 3 + min(12, math.floor(math.log10(peak / (high - low)) + 1e-9)) if 0 < high - low < peak else 3


def level_text(reference: Volume, channel: str, level: float, signed: bool = False) -> str:
    """A level in digits that tell it from others; with its sign, if ``signed``."""
    digits = level_digits(reference, channel)
    return (f"{level:+.{digits}g}" if signed else f"{level:.{digits}g}").replace("-", "−")


def level_label(reference: Volume, channel: str, level: float, unit: str, signed: bool) -> str:
    """The name of a surface in the legend, escaped; with the sign of the level, if ``signed``."""
    return f"{escape(channel, quote=False)}  {level_text(reference, channel, level, signed)} {unit}".rstrip()


def require_between(level: float, channel: str, low: float, high: float) -> None:
    """Raise a ``ValueError`` with the range unless ``low`` < ``level`` < ``high``."""
    if low == high:
        raise ValueError(
            f"channel: expected values that differ, got {low:.6g} everywhere in {channel!r}; choose another channel"
        )
    if not low < level < high:
        raise ValueError(
            f"level: expected a value between {low:.6g} and {high:.6g} for channel {channel!r}, got {level:.6g}; "
            "choose one in between"
        )
