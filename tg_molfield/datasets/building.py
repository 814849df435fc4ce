"""Entries of a source as molecules of a data set, chunk by chunk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.structures.library import Entry, fault_of_entry

_SMILES_AT_ONCE, _RECORDS_AT_ONCE, _BYTES_AT_ONCE = 32, 256, 2**24
"""What is built and kept at a time; fewer where conformers are made or records are large."""

Chunk = list[tuple[int, Entry]]
"""Entries with their positions in the source."""


@dataclass(frozen=True)
class Outcome:
    """What becomes of one entry.

    Attributes:
        molecules: its conformers.
        fault: what is wrong, or an empty text.
        notes: what may not be read as its source means it.
    """

    molecules: list[Data] = field(default_factory=list)
    fault: str = ""
    notes: list[str] = field(default_factory=list)


class EntryBuilder(ABC):
    """Builds the molecules of chunks; without arguments, with the usual options.

    Attributes:
        kind: what the molecules are, in a word.
        labels: the names of the columns of ``y``.
    """

    kind: ClassVar[str]
    labels: tuple[str, ...]

    def __call__(self, chunk: Chunk) -> list[Outcome]:
        """What becomes of each entry of a chunk."""
        return [self._outcome(entry) for _, entry in chunk]

    @property
    @abstractmethod
    def options(self) -> dict[str, str]:
        """The options that molecules depend on, by name."""

    @abstractmethod
    def molecules(self, entry: Entry, notes: list[str]) -> list[Data]:
        """The molecules of an entry; what may not be read as its source means it is added to ``notes``.

        Raises:
            ValueError: the entry is not valid.
        """

    def _outcome(self, entry: Entry) -> Outcome:
        notes: list[str] = []
        try:
            return Outcome(self.molecules(entry, notes), "", notes)
        except Exception as error:
            return Outcome(fault=fault_of_entry(error))


def chunked(entries: Iterator[tuple[int, Entry]]) -> Iterator[Chunk]:
    """Entries in chunks that depend on their content alone."""
    while first := next(entries, None):
        chunk = [first]
        limit = _SMILES_AT_ONCE if first[1].kind == "smiles" else _RECORDS_AT_ONCE
        size = _size(first[1].content)
        while len(chunk) < limit and size < _BYTES_AT_ONCE and (following := next(entries, None)):
            chunk.append(following)
            size += _size(following[1].content)
        yield chunk


def place(chunk: Chunk) -> str:
    """What a chunk is called in messages."""
    return f"the records {chunk[0][1].record} to {chunk[-1][1].record}"


def _size(content: Any) -> int:
    if isinstance(content, Data):
        tensors = (value for value in content.to_dict().values() if isinstance(value, Tensor))
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return len(content) if isinstance(content, str) else 0
