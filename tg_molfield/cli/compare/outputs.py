"""What the commands of comparison print and write."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from tg_molfield.files import atomic_write, format_suffix

_NEVER_PACKED = (".html", ".npz", ".parquet")

Row = tuple[str | int | float, ...]


def check_outputs(paths: Sequence[Path] | None, known: Sequence[str], inputs: Iterable[str | Path]) -> list[Path]:
    """The files to write.

    Args:
        paths: the files.
        known: their suffixes.
        inputs: what is read, which must not be overwritten.

    Raises:
        ValueError: a suffix is not one of those known, a file is named twice, or it is read too.
    """
    written: set[str] = set()
    read = {os.path.realpath(path) for path in inputs}
    for path in paths or ():
        if format_suffix(path) not in known or (path.suffix.lower() == ".gz" and format_suffix(path) in _NEVER_PACKED):
            raise ValueError(
                f"--output: expected a file with one of the suffixes {', '.join(known)}, got {path}; change the suffix"
            )
        if os.path.realpath(path) in read:
            raise ValueError(f"--output: expected another file than those to read, got {path}; choose another name")
        if os.path.realpath(path) in written:
            raise ValueError(f"--output: expected different files, got {path} twice; name each once")
        written.add(os.path.realpath(path))
    return list(paths or ())


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
