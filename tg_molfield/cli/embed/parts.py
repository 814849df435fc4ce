"""The codes that are done, kept in a file, so that a killed run goes on where it was."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.cli.embed.records import Outcome, Source
from tg_molfield.cli.output_folder import make_folder
from tg_molfield.files import shortened
from tg_molfield.nn.embedding.nearest import ROWS_AT_ONCE, Neighbors
from tg_molfield.structures.library import FailedRecord

_SCHEMA = (
    "CREATE TABLE parts (first INTEGER PRIMARY KEY, sources TEXT NOT NULL, codes BLOB NOT NULL)",
    "CREATE TABLE failed (number INTEGER PRIMARY KEY, record TEXT NOT NULL)",
    "CREATE TABLE neighbors (first INTEGER PRIMARY KEY, rows BLOB NOT NULL, distances BLOB NOT NULL)",
    "CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)


class Parts:
    """The codes of the molecules so far, the records without one, and a state by names.

    Args:
        path: the file; it is made if it is not there.
        identity: what codes depend on, by name.

    Raises:
        OSError: the file cannot be read or written, or another process writes it.
        ValueError: it has the codes of something else, or is damaged.
    """

    def __init__(self, path: Path, identity: Mapping[str, str]) -> None:
        self.path = path
        make_folder(path.parent)
        with self._explained():
            self._connection = sqlite3.connect(path, timeout=1.0)
        try:
            with self._explained(), self._connection:
                self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._connection.execute("BEGIN EXCLUSIVE")
                if not self._connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                    for statement in _SCHEMA:
                        self._connection.execute(statement)
                    self._keep({"identity": dict(identity), "records": 0, "molecules": 0})
            self._check(identity)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the file; it is removed if the run fails before anything is done."""
        if kind is not None and self._nothing_done():
            self.remove()
        else:
            self.close()

    def __len__(self) -> int:
        """The number of molecules."""
        return self.state()["molecules"]

    def state(self) -> dict[str, Any]:
        """The state; ``"records"`` are those that are done."""
        with self._explained():
            return {name: json.loads(value) for name, value in self._connection.execute("SELECT * FROM state")}

    def add(self, outcome: Outcome, state: Mapping[str, Any]) -> None:
        """Append what becomes of records, and change the state: all or none."""
        first = len(self)
        with self._explained(), self._connection:
            if outcome.sources:
                told = json.dumps([_told(one) for one in outcome.sources])
                content = first, told, outcome.codes.tobytes()
                self._connection.execute("INSERT INTO parts VALUES (?, ?, ?)", content)
            self._connection.executemany(
                "INSERT INTO failed VALUES (?, ?)",
                ((number, json.dumps(record)) for number, record in outcome.failed.items()),
            )
            if outcome.sources:
                state = {**state, "type": outcome.codes.dtype.str, "width": outcome.codes.shape[1]}
            self._keep({**state, "molecules": first + len(outcome.sources)})

    def sources(self) -> Iterator[list[Source]]:
        """The molecules, some at a time."""
        with self._explained():
            for (told,) in self._connection.execute("SELECT sources FROM parts ORDER BY first"):
                yield [_source(one) for one in json.loads(told)]

    def source(self, row: int) -> Source:
        """The molecule of a row, from 0."""
        query = "SELECT first, sources FROM parts WHERE first <= ? ORDER BY first DESC LIMIT 1"
        with self._explained():
            first, told = self._connection.execute(query, (row,)).fetchone()
        return _source(json.loads(told)[row - first])

    def blocks(self, size: int) -> Iterator[tuple[list[Source], np.ndarray]]:
        """The molecules and their codes ``[size, D]``, fewer in the last block."""
        state = self.state()
        sources: list[Source] = []
        codes = np.zeros((0, state["width"]), dtype=state["type"])
        with self._explained():
            for told, content in self._connection.execute("SELECT sources, codes FROM parts ORDER BY first"):
                sources += [_source(one) for one in json.loads(told)]
                codes = np.concatenate([codes, np.frombuffer(content, codes.dtype).reshape(-1, codes.shape[1])])
                while len(sources) >= size:
                    yield sources[:size], codes[:size]
                    sources, codes = sources[size:], codes[size:]
        if sources:
            yield sources, codes

    def failed(self) -> Iterator[FailedRecord]:
        """The records without a code, in their order."""
        with self._explained():
            for (record,) in self._connection.execute("SELECT record FROM failed ORDER BY number"):
                yield FailedRecord(*json.loads(record))

    def count_failed(self) -> int:
        """The number of records without a code."""
        with self._explained():
            return self._connection.execute("SELECT COUNT(*) FROM failed").fetchone()[0]

    def begin_neighbors(self, of: Sequence[Any]) -> int:
        """The first row whose neighbours are not known; those that were sought otherwise than ``of`` are dropped."""
        with self._explained(), self._connection:
            if self.state().get("neighbors") != [*of]:
                self._connection.execute("DELETE FROM neighbors")
                self._keep({"neighbors": [*of]})
            return ROWS_AT_ONCE * self._connection.execute("SELECT COUNT(*) FROM neighbors").fetchone()[0]

    def add_neighbors(self, first: int, neighbors: Neighbors) -> None:
        """Keep the neighbours of rows from ``first`` on."""
        content = neighbors.index.numpy().tobytes(), neighbors.distance.numpy().tobytes()
        with self._explained(), self._connection:
            self._connection.execute("INSERT INTO neighbors VALUES (?, ?, ?)", (first, *content))

    def neighbors(self, first: int, count: int) -> Neighbors:
        """The neighbours of ``count`` rows from ``first`` on, which is the first of a block that was added."""
        query = "SELECT rows, distances FROM neighbors WHERE first >= ? AND first < ? ORDER BY first"
        with self._explained():
            found = self._connection.execute(query, (first, first + count)).fetchall()
        rows, distances = (b"".join(parts) for parts in zip(*found, strict=True))
        return Neighbors(
            torch.from_numpy(np.frombuffer(bytearray(rows), np.int64).reshape(count, -1)),
            torch.from_numpy(np.frombuffer(bytearray(distances), np.float64).reshape(count, -1)),
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def remove(self) -> None:
        """Close and remove the file, and what a killed process has left beside it."""
        self.close()
        self.path.unlink(missing_ok=True)
        self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)

    def _nothing_done(self) -> bool:
        try:
            return not self.state()["records"]
        except (OSError, ValueError):  # it is in use, damaged or removed
            return False

    def _check(self, identity: Mapping[str, str]) -> None:
        before = self.state()["identity"]
        for name, value in identity.items():
            if before.get(name) != value:
                raise ValueError(
                    f"{self.path}: expected a checkpoint of this embedding, got one with another {name} "
                    f"({shortened(str(before.get(name)), 60)}, now {shortened(value, 60)}); remove it, or name another "
                    "output"
                )

    def _keep(self, state: Mapping[str, Any]) -> None:
        rows: Iterable[tuple[str, str]] = ((name, json.dumps(value)) for name, value in state.items())
        self._connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", rows)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OSError(
                f"{self.path}: expected a file that this process alone can read and write, got: {error}; check the "
                "folder, the free space and other processes"
            ) from error
        except sqlite3.DatabaseError as error:
            raise ValueError(
                f"{self.path}: expected a checkpoint of an embedding, got a damaged or other file ({error}); remove it"
            ) from error


def _told(source: Source) -> list[Any]:
    """A source as JSON values."""
    atoms = source.atoms
    drawn = None if atoms is None else [atoms.z.tolist(), atoms.pos.tolist()]
    return [*source[:5], dict(source.labels), drawn]


def _source(told: Sequence[Any]) -> Source:
    drawn = told[-1]
    atoms = None
    if drawn is not None:
        atoms = Data(z=torch.tensor(drawn[0]), pos=torch.tensor(drawn[1], dtype=torch.float64).reshape(-1, 3))
    return Source._make([*told[:-1], atoms])
