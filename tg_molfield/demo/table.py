"""The results of the demonstration as CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from tg_molfield.demo.enthalpies import Enthalpies
from tg_molfield.demo.evaluation import METHODS, HeldOut
from tg_molfield.files import atomic_write


def write_table(path: Path, cases: Sequence[HeldOut]) -> None:
    """One row for each molecule: name, number of atoms, and the PSNR in dB of each method on occupied and on all nodes.

    Cells of methods that do not apply to the molecule are empty.
    """
    columns = [f"{method} [{kind}, dB]" for method in METHODS for kind in ("occupied", "all nodes")]
    rows = []
    for case in cases:
        row = [case.data.name, str(case.data.num_nodes)]
        for ratio in map(case.ratios.get, METHODS):
            row += ["", ""] if ratio is None else [f"{ratio.occupied:.3f}", f"{ratio.all_nodes:.3f}"]
        rows.append(row)
    _write(path, [["molecule", "atoms", *columns], *rows])


def write_enthalpies(path: Path, enthalpies: Enthalpies) -> None:
    """One row for each molecule: name, measured enthalpy of formation and predictions, in kcal/mol."""
    headers = [f"{name} [kcal/mol]" for name in ("reference", *enthalpies.predicted)]
    values = zip(enthalpies.reference, *enthalpies.predicted.values(), strict=True)
    rows = [[name, *(f"{value:.2f}" for value in row)] for name, row in zip(enthalpies.names, values, strict=True)]
    _write(path, [["molecule", *headers], *rows])


def _write(path: Path, rows: Sequence[Sequence[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())
