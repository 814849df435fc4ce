"""Records of a file: read one by one, each failure told with its file and its record, or skipped with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch_geometric.data import Data


class SkippedRecordsWarning(UserWarning):
    """Records of a file could not be read and were left out."""


class DroppedKeysWarning(UserWarning):
    """A value that only some records of a file have was left out of all, so that they can be collated."""


@dataclass(frozen=True)
class Options:
    """What the caller of ``read`` asked for.

    Attributes:
        dtype: floating type of the result.
        properties: per-atom properties to compute, or ``None``.
        labels: names of graph-level numbers to take from the file.
    """

    dtype: torch.dtype | None = None
    properties: tuple[str, ...] | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """One record of a file, not yet converted.

    Attributes:
        title: the name the file gives it, or empty.
        build: makes the ``Data``; raises ``ValueError`` where the record is not sound.
    """

    title: str
    build: Callable[[], Data]


def failing(title: str, reason: str) -> Record:
    """A record whose building raises ``ValueError(reason)``."""

    def build() -> Data:
        raise ValueError(reason)

    return Record(title, build)


def collect(path: Path, records: Iterable[Record], errors: str) -> list[Data]:
    """Build the records of ``path``.

    Args:
        path: the file, for messages.
        records: its records in order.
        errors: ``"raise"`` at the first record that fails, or ``"skip"`` those with one warning.

    Raises:
        ValueError: a record fails and ``errors`` is ``"raise"``, or no record is left.
    """
    good: list[Data] = []
    skipped: list[str] = []
    for number, record in enumerate(records, start=1):
        try:
            good.append(record.build())
        except ValueError as error:
            title = f" ({record.title!r})" if record.title else ""
            reason = f"record {number}{title}: {error}"
            if errors == "raise":
                raise ValueError(f"{path}: {reason}") from error
            skipped.append(reason)
    if not good:
        raise ValueError(f"{path}: no record can be read" + "".join(f"\n  {reason}" for reason in skipped))
    if skipped:
        listed = "".join(f"\n  {reason}" for reason in skipped)
        message = f"{path}: skipped {len(skipped)} of {len(skipped) + len(good)} records:{listed}"
        warnings.warn(message, SkippedRecordsWarning, stacklevel=3)
    return align(path, good)


def align(path: Path, molecules: list[Data]) -> list[Data]:
    """Give all molecules of one file the same keys, as collation needs.

    Where only some are periodic, the others get a zero ``cell`` and a false ``pbc``, which is how ASE writes
    "no cell". Any other key that some lack is dropped from all, with one :class:`DroppedKeysWarning`.
    """
    present = [set(data.keys()) for data in molecules]
    ragged = set.union(*present) - set.intersection(*present)
    if not ragged:
        return molecules
    dropped = sorted(ragged - {"cell", "pbc"})
    for data in molecules:
        if "cell" in ragged and "cell" not in data:
            data.cell = torch.zeros(1, 3, 3, dtype=data.pos.dtype)
            data.pbc = torch.zeros(1, 3, dtype=torch.bool)
        for key in dropped:
            if key in data:
                del data[key]
    if dropped:
        lacking = next(i for i, keys in enumerate(present, start=1) if set(dropped) - keys)
        message = (
            f"{path}: {', '.join(dropped)} left out of all records, because some have no such value (the first is "
            f"record {lacking}); split the file to keep it"
        )
        warnings.warn(message, DroppedKeysWarning, stacklevel=4)
    return molecules
