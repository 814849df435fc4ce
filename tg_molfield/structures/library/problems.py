"""What went wrong with entries of a library, in bounded memory."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tg_molfield.files import shortened
from tg_molfield.structures.library.entries import Entry
from tg_molfield.structures.structure_warnings import SkippedRecordsWarning, StructureWarning

KEPT = 1000
"""Failed records that are listed; all are counted."""
_NOTES, _SHOWN = 50, 10


class FailedRecord(NamedTuple):
    """A record of a library that could not be read or scored.

    Attributes:
        file: the name of its file, empty for molecules from an iterable.
        record: its number there, from 1.
        title: its name, may be empty.
        reason: what is wrong.
    """

    file: str
    record: int
    title: str
    reason: str

    def __str__(self) -> str:
        return f"{_place(self.file, self.record, self.title)}: {self.reason}"


@dataclass
class Problems:
    """Failed records and notes so far.

    Attributes:
        failed: the first 1000 failed records.
        count: the number of all.
        notes: of each note, the first place and the number of records.
        others: records with notes of more than 50 kinds.
        charges: where partial charges are from.
    """

    failed: list[FailedRecord] = field(default_factory=list)
    count: int = 0
    notes: dict[str, tuple[str, int]] = field(default_factory=dict)
    others: int = 0
    charges: set[str] = field(default_factory=set)

    def fail(self, entry: Entry, reason: str) -> None:
        """Count a failed record."""
        self.count += 1
        if len(self.failed) < KEPT:
            self.failed.append(FailedRecord(entry.file, entry.record, shortened(entry.title, 80), reason))

    def note(self, entry: Entry, note: str) -> None:
        """Take a note; of notes of many kinds, the first 50 are kept."""
        place, count = self.notes.get(note, (_place(entry.file, entry.record, entry.title), 0))
        if count or len(self.notes) < _NOTES:
            self.notes[note] = place, count + 1
        else:
            self.others += 1

    def saved(self, listed: int = KEPT) -> dict[str, Any]:
        """As JSON values, with the first failed records alone."""
        return {
            "failed": self.failed[:listed],
            "count": self.count,
            "notes": self.notes,
            "others": self.others,
            "charges": sorted(self.charges),
        }

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Problems:
        """What was saved."""
        return cls(
            [FailedRecord(*one) for one in saved["failed"]],
            saved["count"],
            {note: (place, count) for note, (place, count) in saved["notes"].items()},
            saved["others"],
            set(saved["charges"]),
        )

    def warn(self, total: int, stacklevel: int) -> None:
        """One warning for all failed records, and one for each note.

        Args:
            total: the number of records.
            stacklevel: as for ``warnings.warn``.
        """
        if self.count:
            listed = "".join(f"\n  {record}" for record in self.failed[:_SHOWN])
            others = f"\n  and {self.count - _SHOWN} more" if self.count > _SHOWN else ""
            warnings.warn(
                f"library: expected {total} readable records, got {total - self.count}; correct those that were "
                f"skipped:{listed}{others}",
                SkippedRecordsWarning,
                stacklevel=stacklevel,
            )
        for note, (place, count) in self.notes.items():
            more = f" (and {count - 1} more)" if count > 1 else ""
            warnings.warn(f"{place}: {note}{more}", StructureWarning, stacklevel=stacklevel)
        if self.others:
            warnings.warn(
                f"library: expected warnings of at most {_NOTES} kinds, got {self.others} more; read parts of it alone",
                StructureWarning,
                stacklevel=stacklevel,
            )
        if len(self.charges) > 1:
            warnings.warn(
                "library: expected partial charges of one kind, got the file's in some records and computed ones "
                "(Gasteiger) in others; split the library",
                StructureWarning,
                stacklevel=stacklevel,
            )


def _place(file: str, record: int, title: str) -> str:
    name = f" ({shortened(title, 40)!r})" if title else ""
    return f"{file}: record {record}{name}" if file else f"library: record {record}{name}"
