"""`TrainingLog`: the course of a training as a table and, on request, for TensorBoard."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

from tg_molfield.files import atomic_write
from tg_molfield.optional import require

COLUMNS = ("step", "epoch", "seconds", "lr", "loss", "valid_loss", "psnr", "psnr_occupied")


class TrainingLog:
    """Writes rows of numbers to ``log.csv`` in a folder, and as scalars to event files beside it.

    Args:
        folder: where; rows of an earlier part of the same training stay.
        step: the step that the training begins with or goes on from; rows of later steps are removed.
        tensorboard: whether event files are written, which needs the extra ``train``.
    """

    def __init__(self, folder: Path, step: int, tensorboard: bool = False) -> None:
        self._path = folder / "log.csv"
        rows = _rows(self._path) if step else []
        _write(self._path, [row for row in rows if int(row["step"]) <= step])
        self._events: Any = None
        if tensorboard:
            writer = require("tensorboardX", "train").SummaryWriter
            self._events = writer(str(folder), purge_step=step + 1 if step else None)

    def add(self, values: dict[str, float]) -> None:
        """Append a row, of some of the `COLUMNS`."""
        with open(self._path, "a", newline="", encoding="utf-8") as stream:
            csv.DictWriter(stream, COLUMNS, lineterminator="\n").writerow({k: _text(v) for k, v in values.items()})
        if self._events is not None:
            for name, value in values.items():
                if name not in ("step", "epoch") and not math.isnan(value):
                    self._events.add_scalar(name, value, int(values["step"]))

    def close(self) -> None:
        """Finish the event files."""
        if self._events is not None:
            self._events.close()


def _text(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.9g}"


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if (row["step"] or "").isdigit()]


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())
