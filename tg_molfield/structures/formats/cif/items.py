"""Values and columns of a CIF block, by the names of CIF 1 (``_cell_length_a``) and of mmCIF (``_cell.length_a``)."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from tg_molfield.text_numbers import parse_number

if TYPE_CHECKING:
    import gemmi

_UNCERTAINTY = re.compile(r"\([0-9]{1,9}\)\Z")


def item(block: gemmi.cif.Block, category: str, *names: str) -> str:
    """The first value that is given under one of ``names``, or an empty string if none is (``?`` and ``.``)."""
    for name in names:
        for text in column(block, category, name):
            if text:
                return text
    return ""


def has_values(block: gemmi.cif.Block, *tags: str) -> bool:
    """Whether one of the tags has values in the block, be they ``?`` or ``.``."""
    return any(len(block.find_values(tag)) > 0 for tag in tags)


def column(block: gemmi.cif.Block, category: str, name: str) -> list[str]:
    """The values of a column, empty strings for ``?`` and ``.``; an empty list if there is no such column."""
    import gemmi

    for joint in "_.":
        values = block.find_values(f"{category}{joint}{name}")
        if values:
            return [gemmi.cif.as_string(value) for value in values]
    return []


def columns(block: gemmi.cif.Block, category: str, names: tuple[str, ...]) -> dict[str, list[str]]:
    """The columns among ``names`` that the block has.

    Raises:
        ValueError: they are of different length.
    """
    found = {name: column(block, category, name) for name in names}
    found = {name: values for name, values in found.items() if values}
    first = next(iter(found), "")
    for name, values in found.items():
        if len(values) != len(found[first]):
            raise ValueError(
                f"{category}_{name}: expected {len(found[first])} values as {category}_{first} has, got "
                f"{len(values)}; put all columns of {category} in one loop"
            )
    return found


def rows_by_value(values: list[str]) -> dict[str, list[int]]:
    """The rows of each distinct value of a column, in the order of the first ones."""
    rows: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        rows.setdefault(value, []).append(row)
    return rows


def number(text: str, name: str) -> float:
    """The number that ``text`` writes, without the uncertainty in brackets; NaN if ``text`` is empty.

    Raises:
        ValueError: it is not a finite number.
    """
    if not text:
        return math.nan
    try:
        value = parse_number(_UNCERTAINTY.sub("", text))
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f"{name}: expected a number such as 0.1234(5), got {text[:40]!r}; correct the value")
    return value
