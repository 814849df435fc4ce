"""Comment lines with units, channel names and periodicity, for formats that have no fields for them."""

from __future__ import annotations

import json
from typing import Any

Periodic = tuple[bool, bool, bool]
APERIODIC: Periodic = (False, False, False)

_CHANNELS, _PERIODIC = "channels: [", " periodic: ["
_DECODER = json.JSONDecoder()
_VALUES = "; values in "
_ASCII = {"Å³": "A^3", "Å": "A"}


def format_title(length: str, units: tuple[str, ...]) -> str:
    """One ASCII line with the unit of lengths, and those of values where they are known, for `parse_title`."""
    text = f"Written by tg_molfield, lengths in {length}"
    if not any(units):
        return text
    told = units[:1] if len(set(units)) == 1 else units
    named = ", ".join(unit or "-" for unit in told)
    for symbol, written in _ASCII.items():
        named = named.replace(symbol, written)
    return f"{text}{_VALUES}{named}"


def parse_title(text: str, count: int) -> tuple[str, ...]:
    """The units of the values of ``count`` channels from the first line of `format_title` in ``text``; none without."""
    written = text.partition("Written by tg_molfield")[2].partition("\n")[0].partition(_VALUES)[2].strip()
    units = written.split(", ") if written else []
    units = units * count if len(units) == 1 else units
    if len(units) != count:
        return ()
    for symbol, plain in _ASCII.items():
        units = [unit.replace(plain, symbol) for unit in units]
    return tuple("" if unit == "-" else unit for unit in units)


def format_comment(channels: tuple[str, ...], periodic: Periodic) -> str:
    """One ASCII line for `parse_comment`, such as ``channels: ["C"] periodic: [true, true, true]``."""
    text = f"channels: {json.dumps(list(channels))}"
    return f"{text} periodic: {json.dumps(list(periodic))}" if any(periodic) else text


def parse_comment(text: str, count: int) -> tuple[tuple[str, ...], Periodic]:
    """The names of ``count`` channels and the periodic axes, from the first comment line in ``text``.

    Without a comment that fits, channels are named ``"0"``, ``"1"``, … and no axis is periodic.
    """
    found = find_comment(text)
    names, flags = found if found else ((), APERIODIC)
    return (names if len(names) == count else tuple(map(str, range(count)))), flags


def find_comment(text: str) -> tuple[tuple[str, ...], Periodic] | None:
    """The channel names and the periodic axes in the first comment line of ``text``; None if there is no such line."""
    start = text.find(_CHANNELS)
    if start < 0:
        return None
    line = text[start:].partition("\n")[0]
    names, rest = _list(line, len(_CHANNELS) - 1)
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        return None
    flags = _list(rest, len(_PERIODIC) - 1)[0] if rest.startswith(_PERIODIC) else []
    if len(flags) != 3 or not all(isinstance(flag, bool) for flag in flags):
        flags = [False, False, False]
    return tuple(names), (flags[0], flags[1], flags[2])


def _list(text: str, start: int) -> tuple[list[Any], str]:
    """The JSON list that starts at ``start``, empty if it is none, and the text after it."""
    try:
        found, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return [], ""
    return found, text[end:]
