"""The data that benchmarks read: the folder in the environment variable TG_MOLFIELD_DATA, and the folds of FreeSolv."""

from __future__ import annotations

import csv
import os
from pathlib import Path


def data_folder(name: str = "smallmol") -> Path:
    """The folder ``name`` of the data; ends the program with a message where it is missing."""
    root = Path(os.environ.get("TG_MOLFIELD_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    folder = root / name
    if not folder.is_dir():
        raise SystemExit(f"{folder}: expected a folder with data, got none; set TG_MOLFIELD_DATA to its parent")
    return folder


def freesolv_folds(folder: Path) -> dict[str, int]:
    """The fold, 0 to 4, of each FreeSolv molecule by its id."""
    with (folder / "freesolv_folds.csv").open() as stream:
        return {row["id"]: int(row["fold"]) for row in csv.DictReader(stream)}
