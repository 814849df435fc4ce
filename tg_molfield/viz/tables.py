"""Tables as HTML: escaped, with numbers aligned at the decimal point and the best of a column highlighted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from numbers import Real

Cell = object
"""Any object with a ``str()``; numbers are aligned, ``None`` is a dash."""

_TINY = 1e-6


def to_table(rows: Sequence[Sequence[Cell]], headers: Sequence[str], best: Mapping[str, str] | None = None) -> str:
    """A ``<table>``.

    Args:
        rows: rows with one cell per header.
        headers: the names of the columns.
        best: ``"max"`` or ``"min"`` for the columns whose best value is highlighted.

    Raises:
        ValueError: a row has another length, or ``best`` has another value.
        KeyError: ``best`` has a name that is not a column.
    """
    for number, row in enumerate(rows):
        if len(row) != len(headers):
            raise ValueError(f"rows[{number}]: expected {len(headers)} cells, got {len(row)}; give one per header")
    for name, way in (best or {}).items():
        if name not in headers:
            raise KeyError(
                f"best: expected names among the headers {', '.join(headers)}, got {name!r}; correct the name"
            )
        if way not in ("max", "min"):
            raise ValueError(f"best[{name!r}]: expected 'max' or 'min', got {way!r}; choose one of them")
    columns = [[plain(row[index]) for row in rows] for index in range(len(headers))]
    written = [_column(column, (best or {}).get(name)) for name, column in zip(headers, columns, strict=True)]
    head = "".join(
        f"<th scope=col{_class(column)}>{escape(name)}</th>" for name, column in zip(headers, columns, strict=True)
    )
    body = "\n".join("<tr>" + "".join(cells) + "</tr>" for cells in zip(*written, strict=True))
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'
    )


def plain(cell: Cell) -> Cell:
    """A cell, or of an array or a tensor with one number without dimensions the number."""
    return cell.item() if getattr(cell, "ndim", None) == 0 and hasattr(cell, "item") else cell


def _column(column: Sequence[Cell], best: str | None) -> list[str]:
    numbers = [float(cell) for cell in column if _is_number(cell) and math.isfinite(float(cell))]  # type: ignore[arg-type]
    whole = all(isinstance(cell, int) for cell in column if _is_number(cell))
    digits = 0 if whole else _decimals(numbers)
    top = None
    if best and len(numbers) > 1:
        top = _written(max(numbers) if best == "max" else min(numbers), digits)
    cells = []
    for cell in column:
        text = _written(cell, digits)
        mark = f"<strong>{escape(text)}</strong>" if top is not None and text == top else escape(text)
        cells.append(f"<td{_class(column)}>{mark}</td>")
    return cells


def _written(cell: Cell, digits: int | None) -> str:
    if cell is None:
        return "–"
    if not _is_number(cell):
        return str(cell)
    value = float(cell)  # type: ignore[arg-type]
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.2e}" if digits is None and value else f"{round(value, digits or 0) + 0.0:.{digits or 0}f}"
    return text.replace("-", "−")


def _decimals(numbers: Sequence[float]) -> int | None:
    """Three figures of the largest number, and one decimal at least; None for powers of ten, where all are tiny."""
    largest = max((abs(number) for number in numbers), default=0.0)
    if largest == 0:
        return 2
    return None if largest < _TINY else max(2 - math.floor(math.log10(largest)), 1)


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, Real) and not isinstance(cell, bool)


def _class(column: Sequence[Cell]) -> str:
    is_numeric = any(map(_is_number, column)) or (bool(column) and all(map(_reads_as_number, column)))
    return " class=number" if is_numeric else ""


def _reads_as_number(cell: Cell) -> bool:
    """Whether a text is a number that was written, as ``"2.1e-07"``."""
    try:
        return isinstance(cell, str) and math.isfinite(float(cell))
    except ValueError:
        return False
