"""The demonstration's figures as a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from tg_molfield.demo.evaluation import METHODS, HeldOut
from tg_molfield.io.files import atomic_write


def write_table(path: Path, cases: Sequence[HeldOut]) -> None:
    """One row a molecule: name, atoms, and for each method the PSNR (dB) on occupied and on all nodes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [f"{method} [{kind}, dB]" for method in METHODS for kind in ("occupied", "all nodes")]
    writer.writerow(["molecule", "atoms", *columns])
    for case in cases:
        ratios = [case.ratios[method] for method in METHODS]
        figures = [f"{value:.3f}" for ratio in ratios for value in (ratio.occupied, ratio.all_nodes)]
        writer.writerow([case.data.name, case.data.num_nodes, *figures])
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())
