"""The files that ``tg-molfield embed`` writes, block by block."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tg_molfield.cli.embed.arrays import write_arrays
from tg_molfield.cli.embed.columns import Values
from tg_molfield.cli.embed.table import CodeTable
from tg_molfield.files import atomic_write, format_suffix
from tg_molfield.nn.embedding.nearest import ROWS_AT_ONCE
from tg_molfield.optional import require
from tg_molfield.structures.library import FailedRecord

SUFFIXES = (".csv", ".npz", ".parquet")
_ROW_GROUP = 8 * ROWS_AT_ONCE


def failed_path(output: Path) -> Path:
    """Where the records without a code are listed: ``codes.failed.csv`` beside ``codes.csv.gz``."""
    name = output.name[: -len(".gz")] if output.suffix.lower() == ".gz" else output.name
    return output.with_name(f"{Path(name).stem}.failed.csv")


def write_failed(path: Path, failed: Iterable[FailedRecord], count: int) -> None:
    """Write the table of ``count`` records without a code; where there are none, only over that of an earlier run."""
    if count or path.exists():
        with atomic_write(path) as stream, _text(stream) as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(("file", "record", "name", "reason"))
            writer.writerows(failed)


def write_codes(path: Path, table: CodeTable) -> None:
    """Write codes to a file of one of the ``SUFFIXES``."""
    with atomic_write(path) as stream:
        _WRITERS[format_suffix(path)](stream, table, path)


def _csv(stream: BinaryIO, table: CodeTable, path: Path) -> None:
    number = f"{{:.{np.finfo(table.dtype).precision + 3}g}}"
    codes = [f"{table.name}_{place}" for place in range(table.width)]
    with _text(stream) as text:
        writer = csv.writer(text, lineterminator="\n")
        for block in table.blocks():
            columns = {**table.texts(block), **block.neighbor_columns()}
            if not block.first:
                writer.writerow([*columns, *codes])
            cells = [_cells(column) for column in columns.values()]
            for row, code in enumerate(block.codes.tolist()):
                writer.writerow([*(one[row] for one in cells), *map(number.format, code)])


def _cells(values: Values) -> list[Any]:
    if isinstance(values, list):
        return values
    return [f"{one:.9g}" for one in values.tolist()] if values.dtype.kind == "f" else values.tolist()


def _parquet(stream: BinaryIO, table: CodeTable, path: Path) -> None:
    pa, parquet = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    writer = None
    try:
        for block in table.blocks(_ROW_GROUP):
            facts = {**table.facts(block), **block.neighbor_columns()}
            columns = {name: pa.array(_encodable(values)) for name, values in facts.items()}
            columns[table.name] = pa.FixedSizeListArray.from_arrays(pa.array(block.codes.ravel()), table.width)
            rows = pa.table(columns)
            writer = writer or parquet.ParquetWriter(stream, rows.schema)
            writer.write_table(rows)
    finally:
        if writer is not None:
            writer.close()


def _encodable(values: Values) -> Values:
    """Text without the bytes of files that are no letters of UTF-8."""
    if not isinstance(values, list):
        return values
    return [one.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for one in values]


_WRITERS = {".csv": _csv, ".npz": write_arrays, ".parquet": _parquet}


@contextmanager
def _text(stream: BinaryIO) -> Iterator[io.TextIOWrapper]:
    """Text into a binary stream, which stays open."""
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
    yield text
    text.flush()
    text.detach()
