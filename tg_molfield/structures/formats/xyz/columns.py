"""The atom lines of an XYZ frame, by columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tg_molfield.structures.formats.elements import doubt_of_symbols, parse_elements
from tg_molfield.structures.keys import KEYS, LABELS
from tg_molfield.text_numbers import parse_number, parse_numbers

PLAIN = "species:S:1:pos:R:3"
"""The columns of plain XYZ, in the words of extended XYZ."""

_ELEMENTS = ("Z", "numbers", "species", "symbols")
_POSITIONS = ("pos", "positions")
_TAKEN = {
    "charge": "charges",
    **{name: name for name in (*LABELS, "partial_charge", "formal_charge") if KEYS[name].per_atom},
}
"""Columns that become attributes of ``Data``, with their keys."""


class Columns(NamedTuple):
    """The columns of a frame: where each begins and how many it has, and the sum."""

    places: dict[str, tuple[int, int]]
    total: int


def parse_columns(text: str) -> Columns:
    """The columns of a ``Properties`` value of the form ``name:type:count:…``.

    Raises:
        ValueError: a name is given twice or has no column, or there are no elements or positions.
    """
    words = text.split(":")
    places: dict[str, tuple[int, int]] = {}
    total = 0
    for name, digits in zip(words[::3], words[2::3], strict=True):
        count = int(digits[:10])
        if name in places or not count:
            raise ValueError(
                f"Properties: expected each column once and with a count, got {name[:40]!r} with {count}; correct it"
            )
        places[name] = (total, count)
        total += count
    if not any(name in places for name in _ELEMENTS):
        raise ValueError(f"Properties: expected the column species:S:1 or Z:I:1, got {text[:40]!r}; add it")
    if not any(places.get(name, (0, 0))[1] == 3 for name in _POSITIONS):
        raise ValueError(f"Properties: expected the column pos:R:3, got {text[:40]!r}; add it")
    return Columns(places, total)


def read_rows(lines: list[str], first: int, columns: Columns) -> list[list[str]]:
    """The words of each atom line, compared with the columns before anything is read.

    Args:
        lines: the atom lines.
        first: number of the first of them in the file.
        columns: the columns.

    Raises:
        ValueError: a line has fewer words than columns.
    """
    rows = [line.split() for line in lines]
    for number, row in enumerate(rows, start=first):
        if len(row) < columns.total:
            raise ValueError(
                f"line {number}: expected {columns.total} columns, got {' '.join(row)[:40]!r}; complete the line"
            )
    return rows


def elements(rows: list[list[str]], columns: Columns) -> list[int]:
    """Atomic numbers, from the column that has numbers if there are two.

    Raises:
        ValueError: a word is no element.
    """
    start = next(columns.places[name][0] for name in _ELEMENTS if name in columns.places)
    return parse_elements([row[start] for row in rows])


def doubt(rows: list[list[str]], columns: Columns) -> str:
    """What to say of elements that may be something else; empty if there is nothing."""
    start = next(columns.places[name][0] for name in _ELEMENTS if name in columns.places)
    return doubt_of_symbols([row[start] for row in rows])


def positions(rows: list[list[str]], first: int, columns: Columns) -> np.ndarray:
    """[N, 3] positions in Å.

    Raises:
        ValueError: a word is no number.
    """
    start = next(columns.places[name][0] for name in _POSITIONS if name in columns.places)
    words = [word for row in rows for word in row[start : start + 3]]
    try:
        return np.array(parse_numbers(words)).reshape(-1, 3)
    except ValueError:
        for place, word in enumerate(words):
            try:
                parse_number(word)
            except ValueError as error:
                raise ValueError(
                    f"line {first + place // 3}: expected {'xyz'[place % 3]} as a number, got {word[:40]!r}; "
                    "correct the coordinates"
                ) from error
        raise


def labels(rows: list[list[str]], columns: Columns) -> dict[str, np.ndarray | str]:
    """The columns that become attributes, [N] or [N, count] by key; the first word that is no number instead."""
    found: dict[str, np.ndarray | str] = {}
    for name, (start, count) in columns.places.items():
        if name in _TAKEN:
            words = [word for row in rows for word in row[start : start + count]]
            try:
                array = np.array(parse_numbers(words))
            except ValueError:
                found[_TAKEN[name]] = words[0]
                continue
            found[_TAKEN[name]] = array if count == 1 else array.reshape(len(rows), count)
    return found
