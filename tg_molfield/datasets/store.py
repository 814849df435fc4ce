"""`MoleculeStore`: packed molecules in an SQLite file, read one by one whatever their number."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Data

from tg_molfield.datasets.packing import Packed, unpack
from tg_molfield.structures.library import FailedRecord

_SCHEMA = (
    "CREATE TABLE molecules (id INTEGER PRIMARY KEY, record INTEGER NOT NULL, keys TEXT NOT NULL, "
    "tensors BLOB NOT NULL, others TEXT NOT NULL)",
    "CREATE TABLE failed (record INTEGER PRIMARY KEY, file TEXT NOT NULL, number INTEGER NOT NULL, "
    "title TEXT NOT NULL, reason TEXT NOT NULL)",
    "CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
_PERIODIC = ("cell", "pbc")


FILE = "molecules.db"


def store_path(root: Path) -> Path:
    """The file of the data set in a folder."""
    return root / "processed" / FILE


class MoleculeStore:
    """Packed molecules, the records that failed, and a state by names.

    Each process, and each copy that is unpickled, has a connection of its own.

    Args:
        path: the file.
        writable: whether it may be made or changed.
    """

    def __init__(self, path: Path, writable: bool = False) -> None:
        self.path = path
        self._writable = writable
        self._opened: tuple[int, sqlite3.Connection] | None = None
        self._missing: tuple[frozenset[str], bool] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    @property
    def journal(self) -> Path:
        """What a killed process had begun to write, until the next one that may write takes it back."""
        return self.path.with_name(f"{self.path.name}-journal")

    def create(self) -> None:
        """Make the tables, if there are none."""
        with self._explained(), self._connection as connection:
            if not self._has_tables():
                connection.execute("BEGIN")
                for statement in _SCHEMA:
                    connection.execute(statement)

    def state(self) -> dict[str, Any]:
        """The state; empty for a file without tables."""
        with self._explained():
            if not self._has_tables():
                return {}
            return {name: json.loads(value) for name, value in self._connection.execute("SELECT * FROM state")}

    def add(
        self, molecules: Iterable[tuple[int, Packed]], failed: Iterable[tuple[int, FailedRecord]], state: dict[str, Any]
    ) -> None:
        """Append molecules and failed records, with their positions in the source, and change the state: all or none.

        Raises:
            OSError: the file cannot be written.
        """
        with self._explained(), self._connection as connection:
            connection.executemany(
                "INSERT INTO molecules (record, keys, tensors, others) VALUES (?, ?, ?, ?)",
                ((record, *packed) for record, packed in molecules),
            )
            connection.executemany(
                "INSERT INTO failed VALUES (?, ?, ?, ?, ?)", ((record, *one) for record, one in failed)
            )
            connection.executemany(
                "INSERT OR REPLACE INTO state VALUES (?, ?)",
                ((name, json.dumps(value)) for name, value in state.items()),
            )

    def clear(self) -> None:
        """Remove all molecules, failed records and the state.

        Raises:
            OSError: the file cannot be written.
        """
        self._missing = None
        with self._explained(), self._connection as connection:
            for name in ("molecules", "failed", "state"):
                connection.execute(f"DELETE FROM {name}")

    def __len__(self) -> int:
        with self._explained():
            return self._connection.execute("SELECT COUNT(*) FROM molecules").fetchone()[0]

    def get(self, position: int) -> Data:
        """The molecule of a position, from 0, with the attributes that all have.

        Raises:
            IndexError: there is none.
        """
        query = "SELECT tensors, others FROM molecules WHERE id = ?"
        with self._explained():
            row = self._connection.execute(query, (position + 1,)).fetchone()
        if row is None:
            raise IndexError(f"index: expected a molecule, got none at {position}; the data set has {len(self)}")
        data = unpack(*row)
        partial, periodic = self._partial_keys()
        for name in partial:
            if name in data:
                del data[name]
        if periodic and "cell" not in data:
            data.cell = torch.zeros(1, 3, 3, dtype=data.pos.dtype)
            data.pbc = torch.zeros(1, 3, dtype=torch.bool)
        return data

    def dropped_keys(self) -> list[str]:
        """The attributes that only some molecules have, which are left out; a cell is completed with zeros."""
        return sorted(self._partial_keys()[0])

    def failed(self) -> list[FailedRecord]:
        """The records that failed."""
        query = "SELECT file, number, title, reason FROM failed ORDER BY record"
        with self._explained():
            return [FailedRecord(*row) for row in self._connection.execute(query)]

    def records(self) -> list[int]:
        """Of each molecule, its record in the source: that of its conformers."""
        with self._explained():
            return [row[0] for row in self._connection.execute("SELECT record FROM molecules ORDER BY id")]

    def others(self) -> Iterator[dict[str, Any]]:
        """Of each molecule, its texts and numbers."""
        with self._explained():
            for row in self._connection.execute("SELECT others FROM molecules ORDER BY id"):
                yield json.loads(row[0])

    def close(self) -> None:
        """Close the connection of this process."""
        if self._opened is not None and self._opened[0] == os.getpid():
            self._opened[1].close()
        self._opened = None

    def _has_tables(self) -> bool:
        return bool(self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'state'").fetchone())

    def _partial_keys(self) -> tuple[frozenset[str], bool]:
        """The attributes that only some have, without the cell, and whether only some have one."""
        if self._missing is None:
            with self._explained():
                rows = self._connection.execute("SELECT DISTINCT keys FROM molecules").fetchall()
            found = [frozenset(json.loads(row[0])) for row in rows] or [frozenset()]
            partial = frozenset.union(*found) - frozenset.intersection(*found)
            self._missing = partial - frozenset(_PERIODIC), "cell" in partial
        return self._missing

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None or self._opened[0] != os.getpid():
            mode = "rwc" if self._writable else "ro"
            uri = f"{self.path.absolute().as_uri()}?mode={mode}"
            self._opened = os.getpid(), sqlite3.connect(uri, uri=True, check_same_thread=False)
        return self._opened[1]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            use = "read and written" if self._writable else "read"
            raise OSError(
                f"{self.path}: expected a file that can be {use}, got {error}; "
                "check the folder, its permissions and the free space"
            ) from error
        except sqlite3.DatabaseError as error:
            raise ValueError(
                f"{self.path}: expected a data set, got a damaged or other file ({error}); give force_reload=True to "
                "build it again"
            ) from error
