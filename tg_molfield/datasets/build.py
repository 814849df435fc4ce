"""Building a data set chunk by chunk, so that an interrupted build goes on where it was."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch_geometric.data import Data

from tg_molfield.datasets.building import EntryBuilder, Outcome
from tg_molfield.datasets.content_digest import function_text
from tg_molfield.datasets.packing import Packed, pack
from tg_molfield.datasets.progress import BuildProgress, Clock, Show
from tg_molfield.datasets.sources import Source
from tg_molfield.datasets.store import MoleculeStore
from tg_molfield.files import atomic_write, shortened
from tg_molfield.parallel import in_order
from tg_molfield.structures import DroppedKeysWarning, StructureWarning
from tg_molfield.structures.library import Chunk, FailedRecord, Problems, chunked, place

FORMAT = 1
"""The version of the file."""
_LISTED = 10
"""Failed records that messages list."""


class Filters:
    """What the caller changes or leaves out before molecules are kept.

    Args:
        pre_filter: tells whether a molecule is kept.
        pre_transform: gives the molecule that is kept.
    """

    def __init__(self, pre_filter: Callable[[Data], bool] | None, pre_transform: Callable[[Data], Data] | None) -> None:
        self._filter, self._transform = pre_filter, pre_transform

    def contents(self) -> dict[str, str]:
        """What the functions consist of, their attributes too, by name."""
        return {"pre_filter": function_text(self._filter), "pre_transform": function_text(self._transform)}

    def packed(self, molecules: list[Data]) -> list[Packed]:
        """The molecules that are kept.

        Raises:
            TypeError: a molecule cannot be kept as it is.
            ValueError: one of the functions failed.
        """
        found = []
        for data in molecules:
            if self._filter is not None and not _result("pre_filter", self._filter, data, bool):
                continue
            kept = data if self._transform is None else _result("pre_transform", self._transform, data)
            if not isinstance(kept, Data):
                raise ValueError(
                    f"pre_transform: expected a Data, got {type(kept).__name__}; return the molecule that is kept"
                )
            found.append(pack(kept))
        return found


def _result(
    name: str, function: Callable[[Data], Any], data: Data, kind: Callable[[Any], Any] = lambda result: result
) -> Any:
    try:
        return kind(function(data))
    except (MemoryError, Warning):
        raise
    except Exception as error:
        told = shortened(f"{type(error).__name__}: {error}", 500)
        raise ValueError(f"{name}: expected a function that takes this molecule, got {told}; correct it") from error


def check_identity(path: Path, state: Mapping[str, Any], identity: Mapping[str, str]) -> None:
    """Refuse a data set that was built of something else, or in another way.

    Raises:
        ValueError: the message names what differs.
    """
    before: dict[str, str] = state["identity"]
    differing = [
        f"{name} ({shortened(before.get(name, 'none'), 60)}, now {shortened(value, 60)})"
        for name, value in identity.items()
        if before.get(name) != value
    ]
    if differing:
        raise ValueError(
            f"{path}: expected a data set of the same source and options, got another {', another '.join(differing)}; "
            "give force_reload=True to build it again, or another root"
        )


def build(
    store: MoleculeStore,
    source: Source,
    builder: EntryBuilder,
    filters: Filters,
    workers: int,
    cluster: Any,
    errors: str,
    show: Show,
) -> None:
    """Build what is not yet there, and mark the data set as complete.

    Raises:
        ChildProcessError: worker processes ended by themselves.
        OSError: a file cannot be read or written, or the scheduler of the cluster is lost.
        ValueError: no molecule is kept, or ``errors`` is ``"raise"`` and a record failed.

    Warns:
        SkippedRecordsWarning: records failed.
        StructureWarning: what the readers warn of, once for all records; or a function that calls change goes on in
            another run than it began.
        DroppedKeysWarning: only some molecules have an attribute.
    """
    state = store.state()
    problems = Problems.restored(state["problems"]) if "problems" in state else Problems()
    done, kept, clock = state["records"], len(store), Clock()
    if known := state.get("changing", []):
        _warn_of_changing(known, done)
    before, changing = filters.contents(), None
    entries = enumerate(source.entries(done), done)
    clock.seconds_left(source.done)
    for chunk, outcomes in in_order(chunked(entries), builder, place, workers, cluster):
        molecules, failed = _taken(chunk, outcomes, filters, problems, errors)
        done += len(chunk)
        kept += len(molecules)
        if changing is None:
            after = filters.contents()
            changing = [name for name in before if before[name] != after[name] or name in known]
        progress = {"records": done, "problems": problems.saved(_LISTED), "changing": changing}
        store.add(molecules, failed, progress)
        show(BuildProgress(done, kept, problems.count, source.done, clock.seconds_left(source.done)))
    write_failed(store.path.with_name("failed.csv"), store.failed())
    if not kept:
        raise ValueError(_nothing_kept(done, problems))
    store.add([], [], {"complete": True})
    problems.warn(done, stacklevel=6)
    if dropped := store.dropped_keys():
        warnings.warn(
            f"source: expected {', '.join(dropped)} in every molecule, got none in some; split the source to keep it, "
            "it is left out of all",
            DroppedKeysWarning,
            stacklevel=5,
        )


def _taken(
    chunk: Chunk, outcomes: list[Outcome], filters: Filters, problems: Problems, errors: str
) -> tuple[list[tuple[int, Packed]], list[tuple[int, FailedRecord]]]:
    molecules: list[tuple[int, Packed]] = []
    failed: list[tuple[int, FailedRecord]] = []
    for (position, entry), outcome in zip(chunk, outcomes, strict=True):
        for note in outcome.notes:
            problems.note(entry, note)
        fault, cause = outcome.fault, None
        try:
            molecules += [(position, packed) for packed in filters.packed(outcome.molecules)]
        except (TypeError, ValueError) as error:
            fault, cause = str(error), error
        if fault:
            record = FailedRecord(entry.file, entry.record, entry.title, fault)
            if errors == "raise":
                raise ValueError(str(record)) from cause
            problems.fail(entry, fault)
            failed.append((position, record))
    return molecules, failed


def _warn_of_changing(names: list[str], done: int) -> None:
    warnings.warn(
        f"{' and '.join(names)}: expected a function that calls do not change, got one whose attributes changed in the "
        f"{done} records before the interruption; the others are built as if there had been none, so give another root "
        "to build all again, unless it keeps only what it can compute anew",
        StructureWarning,
        stacklevel=6,
    )


def _nothing_kept(records: int, problems: Problems) -> str:
    if not records:
        return "source: expected at least one molecule, got none; check where it comes from"
    if problems.count < records:
        return f"pre_filter: expected to keep a molecule, got none of {records}; correct it"
    reasons = "".join(f"\n  {record}" for record in problems.failed[:_LISTED])
    return f"source: expected a readable record, got none among {records}; correct the source{reasons}"


def write_failed(path: Path, failed: list[FailedRecord]) -> None:
    """Write a table of the records that failed."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("file", "record", "name", "reason"))
    table.writerows(failed)
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())
