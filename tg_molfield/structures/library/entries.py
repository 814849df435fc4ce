"""`Library`: the molecules of files or of an iterable, one after the other, as they stand there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield.arguments import as_path
from tg_molfield.files import (
    NO_FAULTS,
    Lines,
    decoded,
    decoding,
    distinct_names,
    fault_message,
    format_suffix,
    readable,
)
from tg_molfield.structures.formats.records import ReadOptions, Record
from tg_molfield.structures.formats.registry import FORMATS, Format, format_of
from tg_molfield.structures.formats.text_file import read_text
from tg_molfield.structures.library.tables import TABLES, table_rows

LARGEST_RECORD = 2**25
"""Characters of the largest record."""


@dataclass(frozen=True)
class Entry:
    """One molecule of a library, not yet converted.

    Attributes:
        file: the name of its file, with folders where several have that name; empty for one that is no file's.
        record: its number in the file or in the iterable, from 1.
        title: its name, may be empty.
        kind: the suffix of the format of its text, ``"smiles"``, ``"data"``, or ``"failed"``.
        content: the text, the ``Data``, or what is wrong.
        notes: what may not be read as the file means it, as in `Record`.
        values: the named values beside a SMILES or a ``Data`` as text; those of a record's text are read with it.
    """

    file: str
    record: int
    title: str
    kind: str
    content: Any
    notes: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def smiles_entry(smiles: str) -> Entry:
    """The entry of a single SMILES."""
    return Entry("", 1, smiles, "smiles", smiles)


class Library:
    """The entries of a library in their order, with bounded memory.

    SDF, MOL2, XYZ and tables of SMILES are read record by record; other formats file by file.

    Args:
        source: a path, several paths, or an iterable of ``Data``, such as a PyG data set.
        labels: names of numbers to take: columns that a table must have, and from extended XYZ as in ``read``.
        dtype: floating type of what is read file by file; ``None`` means ``torch.get_default_dtype()``.

    Attributes:
        files: the paths; empty for an iterable.
        done: the share that has been read, from 0 to 1; None where the number of molecules is not known.

    Raises:
        TypeError: the source is something else.
        ValueError: a suffix is unknown.
    """

    def __init__(self, source: Any, labels: tuple[str, ...] = (), dtype: torch.dtype | None = None) -> None:
        self._labels, self._dtype = labels, dtype
        self.files: list[Path] = []
        self.done: float | None = 0.0
        self._source: Iterable[Any] = ()
        if isinstance(source, str | Path):
            self.files = [as_path(source)]
        elif isinstance(source, Data):
            self._source = source.to_data_list() if isinstance(source, Batch) else [source]
        elif isinstance(source, list | tuple) and source and isinstance(source[0], str | Path):
            self.files = [as_path(path, "library") for path in source]
        elif isinstance(source, Iterable) and not isinstance(source, bytes | Tensor):
            self._source = source
        else:
            raise TypeError(
                f"library: expected files or molecules, got {type(source).__name__}; give a path, or Data in a list"
            )
        for path in self.files:
            if format_suffix(path) not in TABLES:
                format_of(path)

    def __iter__(self) -> Iterator[Entry]:
        """The entries.

        Raises:
            OSError: a file cannot be read.
            TypeError: what is iterated over is no ``Data``.
            ValueError: the only file is no file of its format; one of several is an entry of the kind ``"failed"``.
        """
        if not self.files:
            yield from self._molecules()
        for number, (path, name) in enumerate(zip(self.files, distinct_names(self.files), strict=True)):
            record = 0
            try:
                for entry, done in _file_entries(path, self._labels, self._dtype):
                    record = entry.record
                    self.done = (number + done) / len(self.files)
                    yield entry if entry.file == name else replace(entry, file=name)
            except ValueError as error:
                if len(self.files) == 1:
                    raise
                yield _Place(name, record + 1).entry("", "failed", fault_message(error))

    def description(self) -> list[list[Any]]:
        """What tells this library from another: names, sizes and times of change of its files.

        Raises:
            OSError: a file cannot be read.
            ValueError: it is no regular file.
        """
        found = []
        for path in self.files:
            with readable(path) as stream:
                state = os.fstat(stream.fileno())
            found.append([path.name, state.st_size, state.st_mtime_ns])
        return found

    def _molecules(self) -> Iterator[Entry]:
        total = len(self._source) if isinstance(self._source, Sized) else 0
        for number, data in enumerate(self._source, start=1):
            if not isinstance(data, Data):
                raise TypeError(f"library[{number - 1}]: expected a Data, got {type(data).__name__}; give molecules")
            self.done = number / total if total else None
            title = getattr(data, "name", None)
            yield Entry("", number, title if isinstance(title, str) else "", "data", data)


class _Counted:
    """Lines whose characters are counted; ``size`` is set to 0 where a record begins."""

    def __init__(self, lines: Lines) -> None:
        self.size = 0
        self._lines = lines

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.size += len(line) + 1
            if self.size > LARGEST_RECORD:
                raise _TooLargeError
            yield line


class _TooLargeError(Exception):
    """A record is larger than any molecule."""


class _Place(NamedTuple):
    file: str
    record: int

    def entry(self, title: str, kind: str, content: Any) -> Entry:
        return Entry(self.file, self.record, title, kind, content)


def _file_entries(path: Path, labels: tuple[str, ...], dtype: torch.dtype | None) -> Iterator[tuple[Entry, float]]:
    """The entries of a file, with the share of it that has been read."""
    suffix = format_suffix(path)
    source = FORMATS.get(suffix)
    with decoding(path):
        if source is None or source.blocks or source.streamed:
            yield from _streamed(path, suffix, ReadOptions(dtype, labels=labels))
        else:
            yield from _whole_file(path, source, ReadOptions(dtype, labels=labels))


def _streamed(path: Path, suffix: str, options: ReadOptions) -> Iterator[tuple[Entry, float]]:
    lines = Lines(path)
    record, lost = 0, ""
    try:
        for entry in _pieces(lines, suffix, options):
            record += 1
            yield replace(entry, file=path.name, record=record), lines.done
    except _TooLargeError:
        lost = f"expected records of at most {LARGEST_RECORD // 2**20} MiB, got a larger one; check what separates them"
    if lines.damage:
        lost = f"expected a complete gzip file, got one that is damaged or cut short ({lines.damage}); copy it again"
    if lost:
        yield _Place(path.name, record + 1).entry("", "failed", f"{lost}, all records from here on are lost"), 1.0


def _pieces(lines: Lines, suffix: str, options: ReadOptions) -> Iterator[Entry]:
    """The entries, without their places."""
    nowhere = _Place("", 0)
    if suffix in TABLES:
        for row in table_rows(lines, suffix, options.labels):
            yield replace(
                nowhere.entry(row.title, "failed" if row.fault else "smiles", row.fault or row.smiles),
                values=row.values,
            )
        return
    source, counted = FORMATS[suffix], _Counted(lines)
    if source.streamed is not None:
        for record in source.streamed(counted, options):
            counted.size = 0
            yield _built(nowhere, record)
        return
    assert source.blocks is not None
    assert source.record is not None
    for block in source.blocks(counted):
        counted.size = 0
        text = decoded(block)
        yield nowhere.entry(source.record(text, ReadOptions()).title, suffix, text)


def _whole_file(path: Path, source: Format, options: ReadOptions) -> Iterator[tuple[Entry, float]]:
    options = options if source.has_labels else replace(options, labels=())
    text, damage = read_text(path, salvage=source.has_counts)
    number = 0
    for number, record in enumerate(source.records(text, options), start=1):
        yield _built(_Place(path.name, number), record), 1.0
    if damage:
        yield _Place(path.name, number + 1).entry("", "failed", damage), 1.0


def _built(place: _Place, record: Record) -> Entry:
    try:
        data = record.build()
        notes = tuple(dict.fromkeys(record.notes))
        return Entry(place.file, place.record, record.title, "data", data, notes, record.labels)
    except NO_FAULTS:
        raise
    except Exception as error:
        return place.entry(record.title, "failed", fault_message(error))
