"""The figures of a reconstruction as a table on the screen, a CSV file and a JSON file."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from tg_molfield.cli.superres.evaluation import TOGETHER, Row
from tg_molfield.cli.superres.methods import Reconstruction
from tg_molfield.files import atomic_write
from tg_molfield.metrics import PSNR

KINDS = ("all nodes", "occupied")


def headers(rows: Sequence[Row]) -> list[str]:
    """The column names: the method, then each reference over all nodes and over occupied ones."""
    return ["method", *(f"{label}, {kind}" for label in rows[0].ratios for kind in KINDS)]


def cells(row: Row) -> list[float]:
    """The figures of a row, dB."""
    return [figure for ratio in row.ratios.values() for figure in (ratio.all_nodes, ratio.occupied)]


def together(rows: Sequence[Row]) -> list[Row]:
    """The rows of all channels together."""
    return [row for row in rows if row.channel == TOGETHER]


def screen_table(rows: Sequence[Row]) -> Table:
    """The figures of all channels together."""
    first, *others = headers(rows)
    table = Table(first, title="Peak signal-to-noise ratio (dB)")
    for name in others:
        table.add_column(name, justify="right")
    for row in together(rows):
        table.add_row(row.method, *(f"{figure:.1f}" for figure in cells(row)))
    return table


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write a row for each method and channel, in dB with three digits; ``inf`` where the fields agree exactly."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    first, *others = headers(rows)
    writer.writerow([first, "channel", *others])
    for row in rows:
        writer.writerow([row.method, row.channel, *(f"{figure:.3f}" for figure in cells(row))])
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())


def write_json(path: Path, facts: dict[str, Any], result: Reconstruction, rows: Sequence[Row]) -> None:
    """Write the input, the method's report and the PSNR by method, channel and reference; null where infinite."""
    ratios: dict[str, Any] = {}
    for row in rows:
        of_method = ratios.setdefault(row.method, {})
        of_method[row.channel] = {label: _finite(ratio) for label, ratio in row.ratios.items()}
    content = {
        **facts,
        "psnr_at_samples": _finite(result.psnr_at_samples),
        "samples": result.samples,
        "parameters": result.parameters,
        "compression": result.compression,
        "seconds": result.seconds,
        **result.details,
        "psnr": ratios,
    }
    with atomic_write(path) as stream:
        stream.write(json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False).encode())


def _finite(ratio: PSNR) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in ratio._asdict().items()}
