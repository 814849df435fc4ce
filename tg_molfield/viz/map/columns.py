"""What is known about molecules, column by column: numbers, categories and other text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from tg_molfield.files import shortened

MOST_CATEGORIES = 7
"""Categories that have a colour of their own."""

LONGEST = 200
"""Letters of the longest text."""

_MOST_WORDS = 12
"""Distinct words of a column whose most frequent ones may stand for few molecules."""

Column = dict[str, Any]


def as_columns(properties: Mapping[str, Any], units: Mapping[str, str], count: int) -> list[Column]:
    """The columns as a page takes them.

    Numbers (``kind`` ``"number"``) have ``values`` with None for those that are missing or not finite; ``categories``
    have the ``names`` of the most frequent, and for each molecule the number of its own, that of ``names`` for another
    one, or None; what remains is ``text``. Every column but numbers has its words in ``values``.

    Args:
        properties: the columns by name, each with one value for each molecule.
        units: units by the names of columns.
        count: the number of molecules.

    Raises:
        TypeError: a column is not a list or an array.
        ValueError: a column has another length.
        KeyError: a unit is given for another name.
    """
    for name in units:
        if name not in properties:
            known = ", ".join(map(str, properties))[:40] or "none"
            raise KeyError(f"units: expected names among the properties ({known}), got {name!r}; correct the name")
    return [
        {"name": str(name), "unit": units.get(name, ""), **_column(name, given, count)}
        for name, given in properties.items()
    ]


def _column(name: str, given: Any, count: int) -> Column:
    values = _listed(name, given)
    if len(values) != count:
        raise ValueError(
            f"properties[{name!r}]: expected one value for each of {count} molecules, got {len(values)}; give one each"
        )
    known = [value for value in values if not _is_missing(value)]
    if known and all(map(_is_number, known)):
        return {"kind": "number", "values": [_number(value) for value in values]}
    words = ["" if _is_missing(value) else str(value) for value in values]
    shown = [shortened(word, LONGEST) for word in words]
    frequent = Counter(word for word in words if word).most_common()
    names = [word for word, _ in frequent[:MOST_CATEGORIES]]
    covered = sum(number for _, number in frequent[:MOST_CATEGORIES])
    if not names or (len(frequent) > _MOST_WORDS and 2 * covered < len(known)) or _are_names(frequent):
        return {"kind": "text", "values": shown}
    names.sort()
    place = {word: number for number, word in enumerate(names)}
    codes = [place.get(word, len(names)) if word else None for word in words]
    listed = [shortened(word, LONGEST) for word in names]
    return {"kind": "category", "names": listed, "codes": codes, "values": shown}


def _are_names(frequent: Sequence[tuple[str, int]]) -> bool:
    """Whether no word occurs twice, so that it tells one molecule from another."""
    return len(frequent) > 1 and frequent[0][1] == 1


def _listed(name: str, given: Any) -> list[Any]:
    if isinstance(given, str | bytes | Mapping) or not hasattr(given, "__len__"):
        raise TypeError(
            f"properties[{name!r}]: expected a list or an array, got {type(given).__name__}; give one value for each "
            "molecule"
        )
    if hasattr(given, "detach"):
        given = given.detach().cpu().numpy()
    return given.tolist() if hasattr(given, "tolist") else list(given)


def _is_missing(value: Any) -> bool:
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    if isinstance(value, int):
        return False
    return (isinstance(value, Real) and not math.isfinite(value)) or type(value).__name__ in ("NAType", "NaTType")


def _is_number(value: Any) -> bool:
    """Whether it is a number that a page holds exactly, or to nine digits."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return not isinstance(value, int) or abs(value) <= 2**53


def _number(value: Any) -> float | int | None:
    if _is_missing(value):
        return None
    if isinstance(value, int | np.integer):
        return int(value)
    return float(f"{float(value):.9g}")
