"""What data sets are built from."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Data, HeteroData

from tg_molfield.arguments import as_path
from tg_molfield.datasets.content_digest import content_digest
from tg_molfield.datasets.faults import fault_of_molecule
from tg_molfield.files import NO_FAULTS, fault_message, format_suffix, readable
from tg_molfield.structures import from_ase
from tg_molfield.structures.formats.registry import FORMATS, SUFFIXES
from tg_molfield.structures.library import TABLES, Entry, Library

_PIECE = 2**20
WITH_LABELS = (".csv", ".tsv", ".sdf", ".mol", ".xyz", ".extxyz")
"""The suffixes of files that have named numbers."""

FileState = list[Any]
"""Size, time of change and digest of a file."""


class Source(ABC):
    """The entries that a data set is built from, always in the same order.

    Attributes:
        files: the paths that they depend on; empty for molecules in memory.
        done: the share that has been read, from 0 to 1.
    """

    def __init__(self) -> None:
        self.files: list[Path] = []
        self.done: float | None = 0.0

    @property
    def has_smiles(self) -> bool:
        """Whether there are tables of SMILES, of which conformers are made."""
        return False

    @abstractmethod
    def __iter__(self) -> Iterator[Entry]:
        """The entries."""

    def entries(self, start: int) -> Iterator[Entry]:
        """The entries from a position on."""
        found = iter(self)
        for _ in islice(found, start):
            pass
        return found

    def digest(self, known: dict[str, FileState]) -> tuple[str, dict[str, FileState]]:
        """What tells this source from another: the content of its files, and their names, which molecules may have.

        Args:
            known: the states of files as an earlier call gave them; those whose size and time are the same are not
                read again.

        Returns:
            A short text, and the states of the files.

        Raises:
            OSError: a file cannot be read.
        """
        whole = hashlib.sha256()
        states: dict[str, FileState] = {}
        for number, path in enumerate(self.files):
            name = f"{number} {path.name}"
            states[name] = _state_of(path, known.get(name))
            whole.update(f"{path.name}\n{states[name][2]}\n".encode())
        what = f"{len(self.files)} file{'s' if len(self.files) > 1 else ''}"
        size = sum(state[0] for state in states.values())
        named = f" of {self.files[0].name}" if len(self.files) == 1 else ""
        return f"{what}, {size} bytes, digest {whole.hexdigest()[:16]}{named}", states


class MoleculeSource(Source):
    """The entries of a file, a folder, several files, or a list of molecules.

    Args:
        source: a path or several, or a sequence of ``Data`` or ASE ``Atoms``, such as a PyG data set.
        labels: names of numbers to take.
        dtype: floating type of files and of what becomes of ``Atoms``.

    Raises:
        OSError: a path does not exist.
        TypeError: the source is something else.
        ValueError: there is nothing that can be read.
    """

    def __init__(self, source: Any, labels: tuple[str, ...], dtype: torch.dtype | None) -> None:
        super().__init__()
        self._labels, self._dtype = labels, dtype
        self._items: Any = ()
        if isinstance(source, str | Path):
            path = as_path(source)
            self.files = _files_in(path) if path.is_dir() else [path]
        elif _is_sequence(source) and len(source) and isinstance(source[0], str | Path):
            self.files = [as_path(path, "source") for path in source]
        elif _is_sequence(source):
            self._items = source
        else:
            raise TypeError(
                f"source: expected a path, or a list of Data or ASE Atoms, got {type(source).__name__}; put one "
                "molecule in a list, and make a list of an iterator"
            )
        if not self.files and not len(self._items):
            raise ValueError("source: expected at least one molecule, got none; check where it comes from")
        for path in self.files:
            Library(path)
            if labels and format_suffix(path) not in WITH_LABELS:
                raise ValueError(
                    f"labels: expected files that have labels ({', '.join(WITH_LABELS)}), got {path.name}; leave out "
                    "labels, or set data.y in pre_transform"
                )

    @property
    def has_smiles(self) -> bool:
        """Whether there are tables of SMILES, of which conformers are made."""
        return any(format_suffix(path) in TABLES for path in self.files)

    def __iter__(self) -> Iterator[Entry]:
        """The entries.

        Raises:
            OSError: a file cannot be read.
            TypeError: an item of a list is no molecule.
            ValueError: the only file is no file of its format.
        """
        yield from self._file_entries() if self.files else self._item_entries()

    def digest(self, known: dict[str, FileState]) -> tuple[str, dict[str, FileState]]:
        """As of any source; of molecules in memory, all their attributes count."""
        if self.files:
            return super().digest(known)
        whole = hashlib.sha256()
        for entry in self:
            whole.update(content_digest((entry.content, sorted(entry.values.items()))).encode())
        return f"{len(self._items)} molecules, digest {whole.hexdigest()[:16]}", {}

    def _file_entries(self) -> Iterator[Entry]:
        for number, path in enumerate(self.files):
            library = Library(path, self._labels, self._dtype)
            try:
                for entry in library:
                    self.done = (number + (library.done or 0.0)) / len(self.files)
                    yield entry
            except NO_FAULTS:
                raise
            except Exception as error:
                if len(self.files) == 1:
                    raise
                reason = fault_message(error).removeprefix(f"{path}: ")
                yield Entry(path.name, 1, "", "failed", reason)

    def _item_entries(self) -> Iterator[Entry]:
        for number in range(len(self._items)):
            self.done = (number + 1) / len(self._items)
            yield self._item_entry(number, self._items[number])

    def _item_entry(self, number: int, item: Any) -> Entry:
        values: dict[str, str] = {}
        if not isinstance(item, Data):
            if isinstance(item, HeteroData) or not hasattr(item, "get_atomic_numbers"):
                raise TypeError(
                    f"source[{number}]: expected a Data or ASE Atoms, got {type(item).__name__}; give molecules"
                )
            values = {name: str(item.info[name]) for name in self._labels if name in item.info}
            try:
                item = from_ase(item, self._dtype)
            except NO_FAULTS:
                raise
            except Exception as error:
                return Entry("", number + 1, "", "failed", fault_of_molecule(error))
        title = getattr(item, "name", None)
        return Entry("", number + 1, title if isinstance(title, str) else "", "data", item, values=values)


def _is_sequence(source: Any) -> bool:
    return (
        not isinstance(source, str | bytes | Data | dict)
        and all(hasattr(source, name) for name in ("__len__", "__getitem__"))
        and not hasattr(source, "get_atomic_numbers")
    )


def _files_in(folder: Path) -> list[Path]:
    suffixes = (*TABLES, *FORMATS)
    found = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and format_suffix(path) in suffixes and not path.name.startswith(".")
    )
    if not found:
        raise ValueError(
            f"{folder}: expected files of molecules ({', '.join((*TABLES, *SUFFIXES))}, also with .gz), got none; give "
            "the folder that holds them"
        )
    return found


def _state_of(path: Path, before: FileState | None) -> FileState:
    with readable(path) as stream:
        state = os.fstat(stream.fileno())
        if before is not None and before[:2] == [state.st_size, state.st_mtime_ns]:
            return before
        digest = hashlib.sha256()
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return [state.st_size, state.st_mtime_ns, digest.hexdigest()]
