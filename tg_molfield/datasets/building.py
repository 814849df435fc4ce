"""Entries of a source as molecules of a data set, chunk by chunk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from torch_geometric.data import Data

from tg_molfield.datasets.faults import fault_of
from tg_molfield.structures.library import Chunk, Entry


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
            return Outcome(fault=fault_of(entry, error))
