"""A comment line with channel names and periodicity, for formats that have no field for them."""

from __future__ import annotations

import json
import re

Periodic = tuple[bool, bool, bool]
APERIODIC: Periodic = (False, False, False)

_COMMENT = re.compile(r"channels: (?P<channels>\[.*?\])(?: periodic: (?P<periodic>\[[a-z, ]*\]))?\s*$", re.MULTILINE)


def format_comment(channels: tuple[str, ...], periodic: Periodic) -> str:
    """One ASCII line for `parse_comment`, such as ``channels: ["C"] periodic: [true, true, true]``."""
    text = f"channels: {json.dumps(list(channels))}"
    return f"{text} periodic: {json.dumps(list(periodic))}" if any(periodic) else text


def parse_comment(text: str, count: int) -> tuple[tuple[str, ...], Periodic]:
    """The names of ``count`` channels and the periodic axes, from the comment line in ``text``.

    Without a comment that fits, channels are named ``"0"``, ``"1"``, … and no axis is periodic.
    """
    found = _COMMENT.search(text)
    try:
        names = json.loads(found["channels"]) if found else []
        flags = json.loads(found["periodic"] or "[]") if found else []
    except json.JSONDecodeError:
        names, flags = [], []
    names = tuple(map(str, names))
    if len(names) != count or len(set(names)) != count:
        names = tuple(map(str, range(count)))
    return names, (bool(flags[0]), bool(flags[1]), bool(flags[2])) if len(flags) == 3 else APERIODIC
