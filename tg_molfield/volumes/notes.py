"""The one line in which text formats without a place for them keep channel names and periodicity."""

from __future__ import annotations

import json
import re

Periodic = tuple[bool, bool, bool]
APERIODIC: Periodic = (False, False, False)

_NOTE = re.compile(r"channels: (?P<channels>\[.*?\])(?: periodic: (?P<periodic>\[[a-z, ]*\]))?\s*$", re.MULTILINE)


def note(channels: tuple[str, ...], periodic: Periodic) -> str:
    """One ASCII line that `parse_note` understands, as in ``channels: ["C"] periodic: [true, true, true]``."""
    text = f"channels: {json.dumps(list(channels))}"
    return f"{text} periodic: {json.dumps(list(periodic))}" if any(periodic) else text


def parse_note(text: str, count: int) -> tuple[tuple[str, ...], Periodic]:
    """Names of ``count`` channels and the periodic axes, from the note in ``text``; numbers and none without one."""
    found = _NOTE.search(text)
    try:
        names = json.loads(found["channels"]) if found else []
        flags = json.loads(found["periodic"] or "[]") if found else []
    except json.JSONDecodeError:
        names, flags = [], []
    names = tuple(map(str, names))
    if len(names) != count or len(set(names)) != count:
        names = tuple(map(str, range(count)))
    return names, (bool(flags[0]), bool(flags[1]), bool(flags[2])) if len(flags) == 3 else APERIODIC
