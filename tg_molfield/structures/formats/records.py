"""Records of a structure file, built one by one: a bad record raises an error with its number, or is skipped."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch_geometric.data import Data

from tg_molfield.files import NO_FAULTS, fault_message, shortened
from tg_molfield.structures.length_units import length_unit_notes
from tg_molfield.structures.structure_warnings import DroppedKeysWarning, SkippedRecordsWarning, StructureWarning


@dataclass(frozen=True)
class ReadOptions:
    """The options of ``read`` that concern single records.

    Attributes:
        dtype: floating type of the result.
        properties: per-atom properties to compute, or ``None``.
        labels: names of graph-level numbers to take from the file.
        dimension: 3 to take flat coordinates as a geometry, not a drawing; ``None`` to decide by the record.
        color: whether to add the pharmacophore features.
    """

    dtype: torch.dtype | None = None
    properties: tuple[str, ...] | None = None
    labels: tuple[str, ...] = ()
    dimension: Literal[3] | None = None
    color: bool = False


def check_dimension(dimension: int | None) -> None:
    """Raise a ValueError for what is neither 3 nor None."""
    if dimension not in (None, 3):
        raise ValueError(f"dimension: expected 3 or None, got {dimension!r}; choose one of them")


@dataclass(frozen=True)
class Record:
    """One record of a file, not yet converted.

    Attributes:
        title: its name in the file, or empty.
        build: makes the ``Data``; raises ``ValueError`` if the record is invalid.
        notes: sentences of the form "name: expected …, got …; remedy" about what may not be read as the file means
            it; ``build`` may append to them.
        computed: names of the per-atom properties that the file does not give; ``build`` adds to them.
        labels: the named values of the record as text, such as SDF tags; ``build`` adds to them.
    """

    title: str
    build: Callable[[], Data]
    notes: list[str] = field(default_factory=list)
    computed: set[str] = field(default_factory=set)
    labels: dict[str, str] = field(default_factory=dict)


def failed_record(title: str, message: str) -> Record:
    """A record whose ``build`` raises ``ValueError(message)``."""

    def build() -> Data:
        raise ValueError(message)

    return Record(title, build)


def build_records(path: Path, records: Iterable[Record], errors: str, first: int = 1) -> list[tuple[Record, Data]]:
    """The records of ``path`` with their ``Data``, all with the same keys.

    There is one :class:`StructureWarning` for each distinct note.

    Args:
        path: the file, for messages.
        records: its records in order.
        errors: ``"raise"`` to stop at the first record that fails, or ``"skip"`` to leave out such records with one
            warning.
        first: the number of the first of them.

    Raises:
        ValueError: a record fails and ``errors`` is ``"raise"``, or no record is left.
    """
    good: list[tuple[Record, Data]] = []
    skipped: list[str] = []
    noted: dict[str, list[str]] = {}
    for number, record in enumerate(records, start=first):
        try:
            data = record.build()
            good.append((record, data))
            for note in dict.fromkeys([*record.notes, *length_unit_notes(data["z"], data["pos"])]):
                noted.setdefault(shortened(note, 500), []).append(_place(number, record.title))
        except NO_FAULTS:
            raise
        except Exception as error:
            message = f"{_place(number, record.title)}: {fault_message(error)}"
            if errors == "raise":
                raise ValueError(f"{path}: {message}") from error
            skipped.append(message)
    total, listed = len(good) + len(skipped), "".join(f"\n  {message}" for message in skipped)
    if not good:
        raise ValueError(f"{path}: expected a readable record, got none among {total}; correct the file{listed}")
    if skipped:
        warnings.warn(
            f"{path}: expected {total} readable records, got {len(good)}; correct those that were skipped:{listed}",
            SkippedRecordsWarning,
            stacklevel=4,
        )
    for note, places in noted.items():
        others = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
        warnings.warn(f"{path}: {places[0]}: {note}{others}", StructureWarning, stacklevel=4)
    _share_keys(path, [data for _, data in good])
    return good


def _place(number: int, title: str) -> str:
    return f"record {number} ({shortened(title, 40)!r})" if title else f"record {number}"


def _share_keys(path: Path, molecules: list[Data]) -> None:
    """Give all molecules of one file the same keys, which collation needs.

    If only some are periodic, the others get a zero ``cell`` and a false ``pbc``, which is how ASE writes
    "no cell". Any other key that some of them lack is dropped from all, with one :class:`DroppedKeysWarning`.
    """
    present = [set(data.keys()) for data in molecules]
    partial = set.union(*present) - set.intersection(*present)
    if not partial:
        return
    dropped = sorted(partial - {"cell", "pbc"})
    for data in molecules:
        if "cell" in partial and "cell" not in data:
            data.cell = torch.zeros(1, 3, 3, dtype=data.pos.dtype)
            data.pbc = torch.zeros(1, 3, dtype=torch.bool)
        for key in dropped:
            if key in data:
                del data[key]
    if dropped:
        lacking = next(i for i, keys in enumerate(present, start=1) if set(dropped) - keys)
        warnings.warn(
            f"{path}: expected {', '.join(dropped)} in every record, got none in record {lacking}; "
            "split the file to keep it, it was left out of all records",
            DroppedKeysWarning,
            stacklevel=5,
        )
