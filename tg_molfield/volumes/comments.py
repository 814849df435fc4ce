"""A comment line with channel names and periodicity, for formats that have no field for them."""

from __future__ import annotations

import json
from typing import Any

Periodic = tuple[bool, bool, bool]
APERIODIC: Periodic = (False, False, False)

_CHANNELS, _PERIODIC = "channels: [", " periodic: ["
_DECODER = json.JSONDecoder()


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
