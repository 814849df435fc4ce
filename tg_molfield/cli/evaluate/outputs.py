"""The table of an evaluation in files, and its summary on the screen."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median

from tg_molfield.cli.compare.outputs import printed_table
from tg_molfield.cli.evaluate.measuring import Measured
from tg_molfield.cli.terminal import say, say_table
from tg_molfield.cli.wording import counted
from tg_molfield.files import atomic_write, format_suffix
from tg_molfield.optional import require

SUFFIXES = (".csv", ".parquet")
MOST = 150.0
"""dB that count at most in means: those of rounding errors."""

_SHOWN = 5

Column = list[int] | list[str] | list[float] | list[bool | None]


def columns(measured: Sequence[Measured], channels: Sequence[str]) -> dict[str, Column]:
    """The table: a row for each molecule, empty or NaN where a figure is not known."""
    found = [one.found for one in measured]
    table: dict[str, Column] = {
        "index": [one.index for one in measured],
        "name": [one.name for one in measured],
        "smiles": [one.smiles for one in measured],
        "atoms": [one.atoms for one in measured],
        "psnr": [one.psnr for one in measured],
        "psnr_occupied": [one.occupied for one in measured],
    }
    if any(one is not None for one in found):
        table["atoms_right"] = [None if one is None else one.right for one in found]
        table["rmsd"] = [math.nan if one is None else one.rmsd for one in found]
    for name in channels:
        errors = [one.channels.get(name) for one in measured]
        table[f"rms_{name}"] = [math.nan if one is None else one.rms for one in errors]
        table[f"psnr_occupied_{name}"] = [math.nan if one is None else one.occupied for one in errors]
    table["outside"] = [one.outside for one in measured]
    table["failed"] = [one.fault for one in measured]
    return table


def write_table(path: Path, table: dict[str, Column]) -> None:
    """Write a table to a file of one of the `SUFFIXES`."""
    with atomic_write(path) as stream:
        if format_suffix(path) == ".parquet":
            pa, parquet = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
            parquet.write_table(pa.table(table), stream)
            return
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table)
        writer.writerows([_cell(value) for value in row] for row in zip(*table.values(), strict=True))
        stream.write(text.getvalue().encode("utf-8", "surrogateescape"))


def summarize(measured: Sequence[Measured], channels: Sequence[str]) -> None:
    """Print means, medians and the worst, the errors of channels, and what is to be said of molecules.

    Raises:
        ValueError: no molecule has a figure.
    """
    known = [one for one in measured if not math.isnan(one.psnr)]
    failed = [one for one in measured if one.fault]
    if not known:
        reason = failed[0].fault if failed else "the field is 0 around all of them"
        raise ValueError(
            f"source: expected a molecule that can be measured, got none among {len(measured)}; the first: {reason}"
        )
    rows = []
    for label, values in (
        ("PSNR, dB", [min(one.psnr, MOST) for one in known]),
        ("PSNR where occupied, dB", [min(one.occupied, MOST) for one in known]),
    ):
        rows.append((label, *(f"{figure(values):.2f}" for figure in (fmean, median, min))))
    say_table(printed_table(("", "mean", "median", "worst"), rows))
    say_table(
        printed_table(
            ("channel", "molecules", "RMS, % of the peak", "PSNR where occupied, dB"), _by_channel(known, channels)
        )
    )
    found = [one.found for one in known if one.found is not None]
    if found:
        right = [one.rmsd for one in found if one.right]
        deviation = f", RMSD {median(right):.3g} Å in the median, {max(right):.3g} Å at most" if right else ""
        say(f"elements right: {len(right):,} of {len(found):,}{deviation}")
    empty = len(measured) - len(known) - len(failed)
    if empty:
        say(f"not measured: {counted(empty, 'molecule')} without atoms in any channel")
    _tell_reasons("unlike the molecules of the training", [one.outside for one in known if one.outside])
    _tell_reasons("not encoded", [one.fault for one in failed])


def _by_channel(known: Sequence[Measured], channels: Sequence[str]) -> list[tuple[str, int, str, str]]:
    rows = []
    for name in channels:
        errors = [one.channels[name] for one in known if name in one.channels]
        if errors:
            ratio = fmean(min(error.occupied, MOST) for error in errors)
            rms = math.sqrt(fmean(error.rms**2 for error in errors))
            rows.append((name, len(errors), f"{100 * rms:.3g}", f"{ratio:.2f}"))
    return rows


def _tell_reasons(what: str, reasons: Sequence[str]) -> None:
    if reasons:
        say(f"{what}: {counted(len(reasons), 'molecule')}")
        for reason, count in Counter(reasons).most_common(_SHOWN):
            say(f"  {count:,}: {reason}")


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return "" if value is None else value
