"""What the commands of comparison print and write."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from tg_molfield.files import atomic_write

Row = tuple[str | int | float, ...]


def terms_of(by_term: Mapping[str, float]) -> str:
    """The terms of a score in brackets, or nothing where there is one."""
    listed = ", ".join(f"{name} {value:.4f}" for name, value in by_term.items())
    return f" ({listed})" if len(by_term) > 1 else ""


def printed_table(headers: Sequence[str], rows: Sequence[Row]) -> Table:
    """A table for the screen."""
    table = Table()
    numbers = {column for row in rows for column, cell in enumerate(row) if not isinstance(cell, str)}
    for column, name in enumerate(headers):
        table.add_column(escape(name), justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(f"{cell:.4f}" if isinstance(cell, float) else escape(str(cell)) for cell in row))
    return table


def write_csv(path: Path, headers: Sequence[str], rows: Sequence[Row]) -> None:
    """Write a table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headers)
    writer.writerows([f"{cell:.6f}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())
