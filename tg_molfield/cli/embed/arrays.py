"""A table of codes as an archive of NumPy arrays, which is larger than memory may be."""

from __future__ import annotations

import shutil
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np

from tg_molfield.cli.embed.table import Block, CodeTable

_LONGEST = 2**30
"""Bytes of the largest array of text."""
_AT_ONCE = 64
"""Arrays that are gathered in one pass over the table, each in a file without a name."""


def write_arrays(stream: BinaryIO, table: CodeTable, path: Path) -> None:
    """Write the columns of a table as the arrays of an ``.npz`` file.

    Args:
        stream: the file.
        table: the table.
        path: what the file is called, in whose folder arrays are gathered.
    """
    types = _types(table, path)
    names = iter(types)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        while some := {name: types[name] for name in islice(names, _AT_ONCE)}:
            for name, (gathered, shape) in _gathered(table, some, path).items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member, gathered:
                    header = {"descr": types[name].str, "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(member, header)
                    gathered.seek(0)
                    shutil.copyfileobj(gathered, member)


def _types(table: CodeTable, path: Path) -> dict[str, np.dtype]:
    """The types of the arrays, by name, without text that is too long."""
    types = {table.name: table.dtype, "row": np.dtype(np.int64), "record": np.dtype(np.int64)}
    for column in table.columns:
        size = 4 * len(table) * column.width
        if column.kind == "U" and size > _LONGEST:
            warnings.warn(
                f"{path}: {column.name}: expected text of at most {_LONGEST // 2**30} GiB as an array, got "
                f"{size / 2**30:.1f} GiB; write a .csv or .parquet file to keep it, it was left out",
                stacklevel=5,
            )
            continue
        types[column.name] = np.dtype(f"U{max(1, column.width)}" if column.kind == "U" else column.kind)
    if table.neighbors is not None:
        types |= {"neighbors": np.dtype(np.int64), "distances": np.dtype(np.float64)}
    return types


def _gathered(
    table: CodeTable, types: Mapping[str, np.dtype], path: Path
) -> dict[str, tuple[BinaryIO, tuple[int, ...]]]:
    """The content of arrays in files, and their shapes."""
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {name: stack.enter_context(TemporaryFile(dir=path.parent)) for name in types}
        shapes: dict[str, tuple[int, ...]] = {}
        for block in table.blocks():
            for name, values in _arrays(table, block):
                if name in types:
                    array = np.asarray(values, dtype=types[name])
                    shapes[name] = (len(table), *array.shape[1:])
                    files[name].write(array.tobytes())
        stack.pop_all()
    return {name: (files[name], shapes[name]) for name in types}


def _arrays(table: CodeTable, block: Block) -> Iterator[tuple[str, np.ndarray | list[str]]]:
    yield table.name, block.codes
    yield from table.facts(block).items()
    if block.neighbors is not None:
        yield "neighbors", block.neighbors.index.numpy()
        yield "distances", block.neighbors.distance.numpy()
