"""Rows of CSV and TSV files; one that is broken takes no other with it."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_MOST_LINES = 200
"""Of a row; where a quote is open for longer, its end was forgotten."""
_OPEN = "unexpected end of data"


class SeparatedRow(NamedTuple):
    """One row.

    Attributes:
        fields: the text of each.
        fault: what is wrong with the row, or an empty text.
    """

    fields: list[str]
    fault: str = ""


def separated_rows(lines: Iterable[str]) -> Iterator[SeparatedRow]:
    """The rows of a table that are not blank, the header first, whose most frequent of ``,``, ``;`` and tab separates.

    Rows are as long as the header or shorter; others, of which only blank fields are too many, are cut.

    Args:
        lines: of the file, without their ends.
    """
    source, again = iter(lines), deque[str]()
    delimiter, width = "", 0
    while (line := _next(source, again)) is not None:
        if not line.strip():
            continue
        delimiter = delimiter or max(",;\t", key=line.count)
        row = _row(line, source, again, delimiter)
        width = width or len(row.fields)
        if len(row.fields) > width and any(field.strip() for field in row.fields[width:]):
            fault = (
                f"row: expected {width} fields, as in the first row, got {len(row.fields)}; put text with "
                f"{delimiter!r} in quotes"
            )
            row = SeparatedRow([], fault)
        yield SeparatedRow(row.fields[:width], row.fault)


def distinct(columns: list[str]) -> list[str]:
    """The names of columns, those that are there already with a number."""
    return [
        f"{name} ({columns[:place].count(name) + 1})" if name in columns[:place] else name
        for place, name in enumerate(columns)
    ]


def _next(source: Iterator[str], again: deque[str]) -> str | None:
    return again.popleft() if again else next(source, None)


def _row(line: str, source: Iterator[str], again: deque[str], delimiter: str) -> SeparatedRow:
    """The row that begins with a line; where it is broken, what follows the line is read ``again``."""
    taken = [line]
    while True:
        try:
            return SeparatedRow(next(csv.reader((f"{one}\n" for one in taken), delimiter=delimiter, strict=True)))
        except csv.Error as error:
            following = _next(source, again) if str(error) == _OPEN and len(taken) < _MOST_LINES else None
            if following is None:
                again.extendleft(reversed(taken[1:]))
                return SeparatedRow([], f"row: expected fields and quotes of CSV, got: {error}; correct the row")
            taken.append(following)
