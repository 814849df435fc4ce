"""The entries of complexes: a protein file and a ligand each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from tg_molfield.arguments import as_path
from tg_molfield.datasets.complex_files import ComplexFiles, complex_files
from tg_molfield.datasets.label_tables import LabelTable
from tg_molfield.datasets.sources import FileState, Source
from tg_molfield.files import NO_FAULTS, fault_message
from tg_molfield.structures.library import Entry, Library


class ComplexContent(NamedTuple):
    """What an entry of a complex holds.

    Attributes:
        protein: the file of the protein.
        place: what it is called: its path from the source.
        ligand: the entry of the ligand, or a residue of the protein file.
    """

    protein: Path
    place: str
    ligand: Entry | str


class ComplexSource(Source):
    """The complexes of a folder or a table.

    Args:
        source: a folder or a table, as for `complex_files`.
        labels: names of numbers to take.
        table: a file of labels by name, or the name of one that folders of complexes have; None if there is none.
        dtype: floating type of ligands that are read file by file.

    Raises:
        OSError: a path does not exist.
        TypeError: the source is no path.
        ValueError: there are no complexes, or a table is not as expected.
    """

    def __init__(
        self, source: str | Path, labels: tuple[str, ...], table: str | Path | None, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self._root, self._labels, self._dtype = as_path(source, "source"), labels, dtype
        if not self._root.exists():
            raise FileNotFoundError(f"{self._root}: expected a folder or a table, got none; check the path")
        lists = self._root.is_file()
        if lists and table is not None:
            raise ValueError("table: expected None beside a source that is a table, got another; add its columns there")
        self._complexes = complex_files(self._root, labels if lists else ())
        self._tables = {} if table is None else self._label_tables(as_path(table, "table"))
        files = [self._root] if lists else []
        for one in self._complexes:
            files += [] if one.fault else [one.protein, *((one.ligand,) if isinstance(one.ligand, Path) else ())]
        files += [found.path for found in self._tables.values()]
        self.files = list(dict.fromkeys(files))

    def __iter__(self) -> Iterator[Entry]:
        """The entries.

        Raises:
            OSError: a file cannot be read.
        """
        for number, one in enumerate(self._complexes):
            for entry, done in self._entries(one):
                self.done = (number + done) / len(self._complexes)
                yield entry

    def digest(self, known: dict[str, FileState]) -> tuple[str, dict[str, FileState]]:
        """As of any source; the names of the complexes count too."""
        text, states = super().digest(known)
        names = hashlib.sha256(repr([(one.name, one.place, one.fault) for one in self._complexes]).encode())
        return f"{len(self._complexes)} complexes in {text} {names.hexdigest()[:16]}", states

    def _label_tables(self, table: Path) -> dict[Path, LabelTable]:
        """The table of each folder; that of the empty path is of all."""
        if table.is_file():
            return {Path(): LabelTable(table, self._labels)}
        folders = dict.fromkeys(one.folder for one in self._complexes)
        found = {folder: LabelTable(folder / table, self._labels) for folder in folders if (folder / table).is_file()}
        if not found:
            raise FileNotFoundError(
                f"{table}: expected a file, or the name of one beside the proteins, got none; check the path"
            )
        return found

    def _entries(self, one: ComplexFiles) -> Iterator[tuple[Entry, float]]:
        if one.fault:
            yield Entry(one.place, 1, one.name, "failed", one.fault), 1.0
        elif isinstance(one.ligand, str):
            yield self._labelled(Entry(one.place, 1, "", "complex", one.ligand), one), 1.0
        else:
            library = Library(one.ligand, dtype=self._dtype)
            try:
                for entry in library:
                    yield self._labelled(replace(entry, file=one.place), one), library.done or 0.0
            except NO_FAULTS:
                raise
            except Exception as error:
                reason = fault_message(error).removeprefix(f"{one.ligand}: ")
                yield Entry(one.place, 1, one.name, "failed", reason), 1.0

    def _labelled(self, entry: Entry, one: ComplexFiles) -> Entry:
        """The entry of a complex from that of its ligand."""
        title = _title(entry, one)
        if entry.kind == "failed":
            return replace(entry, title=title)
        values: Mapping[str, str] = {**entry.values, **one.values}
        notes: tuple[str, ...] = ()
        if table := self._tables.get(Path(), self._tables.get(one.folder)):
            try:
                found, notes = table.values(name for name in (one.name, entry.title) if name)
            except ValueError as error:
                return replace(entry, title=title, kind="failed", content=str(error))
            values = {**values, **found}
        ligand: Any = one.ligand if isinstance(one.ligand, str) else entry
        content = ComplexContent(one.protein, one.protein_place, ligand)
        return Entry(one.place, entry.record, title, "complex", content, notes, values)


def _title(entry: Entry, one: ComplexFiles) -> str:
    """The name of a complex: its own, or the title of the ligand, else that of its file."""
    if not one.name and entry.title:
        return entry.title
    file = one.ligand if isinstance(one.ligand, Path) else one.protein
    name = one.name or Path(file.name.removesuffix(".gz")).stem
    return name if entry.record == 1 else f"{name} {entry.record}"
