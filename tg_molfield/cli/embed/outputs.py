"""The files that ``tg-molfield embed`` writes."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tg_molfield.cli.embed.table import CodeTable, Column, typed
from tg_molfield.files import atomic_write, format_suffix
from tg_molfield.optional import require
from tg_molfield.structures.library import FailedRecord

SUFFIXES = (".csv", ".npz", ".parquet")
_LONGEST = 2**30
"""Bytes of the largest array of text."""


def check_packages(paths: Sequence[Path]) -> None:
    """Raise an ImportError if a file needs a package that is not installed."""
    if any(format_suffix(path) == ".parquet" for path in paths):
        require("pyarrow.parquet", "parquet")


def failed_path(output: Path) -> Path:
    """Where the records without a code are listed: ``codes.failed.csv`` beside ``codes.csv.gz``."""
    name = output.name[: -len(".gz")] if output.suffix.lower() == ".gz" else output.name
    return output.with_name(f"{Path(name).stem}.failed.csv")


def write_failed(path: Path, failed: Sequence[FailedRecord]) -> None:
    """Write the table of records without a code; where there are none, only over that of an earlier run."""
    if failed or path.exists():
        with atomic_write(path) as stream, _text(stream) as text:
            csv.writer(text, lineterminator="\n").writerows([("file", "record", "name", "reason"), *failed])


def write_codes(path: Path, table: CodeTable) -> None:
    """Write codes to a file of one of the ``SUFFIXES``."""
    with atomic_write(path) as stream:
        _WRITERS[format_suffix(path)](stream, table, path)


def _csv(stream: BinaryIO, table: CodeTable, path: Path) -> None:
    facts: dict[str, Column] = {**table.facts, **table.neighbor_columns()}
    names = [f"{name}_{place}" for name, values in table.codes.items() for place in range(values.shape[1])]
    with _text(stream) as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*facts, *names])
        numbers = {name: f"{{:.{np.finfo(array.dtype).precision + 3}g}}" for name, array in table.codes.items()}
        for row in range(len(table)):
            known = [
                f"{cell:.9g}" if isinstance(cell, float) else cell for cell in (one[row] for one in facts.values())
            ]
            codes = [numbers[name].format(cell) for name, array in table.codes.items() for cell in array[row].tolist()]
            writer.writerow([*known, *codes])


def _npz(stream: BinaryIO, table: CodeTable, path: Path) -> None:
    arrays: dict[str, np.ndarray] = dict(table.codes)
    for name, column in table.facts.items():
        values = typed(column)
        if isinstance(values, list):
            size = 4 * len(values) * max(map(len, values), default=0)
            if size > _LONGEST:
                warnings.warn(
                    f"{path}: {name}: expected text of at most {_LONGEST // 2**30} GiB as an array, got "
                    f"{size / 2**30:.1f} GiB; write a .csv or .parquet file to keep it, it was left out",
                    stacklevel=4,
                )
                continue
            values = np.array(values, dtype=str)
        arrays[name] = values
    if table.neighbors is not None:
        arrays["neighbors"], arrays["distances"] = table.neighbors.index.numpy(), table.neighbors.distance.numpy()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)


def _parquet(stream: BinaryIO, table: CodeTable, path: Path) -> None:
    pa, parquet = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    facts = {name: typed(column) for name, column in table.facts.items()}
    columns = {name: pa.array(values) for name, values in {**facts, **table.neighbor_columns()}.items()}
    for name, values in table.codes.items():
        columns[name] = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    parquet.write_table(pa.table(columns), stream)


_WRITERS = {".csv": _csv, ".npz": _npz, ".parquet": _parquet}


@contextmanager
def _text(stream: BinaryIO) -> Iterator[io.TextIOWrapper]:
    """Text into a binary stream, which stays open."""
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
    yield text
    text.flush()
    text.detach()
