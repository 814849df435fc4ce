"""The folder that a reconstruction is written into."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tg_molfield.cli.superres.methods import Row
from tg_molfield.cli.superres.page import reconstruction_page
from tg_molfield.cli.superres.problem import Problem
from tg_molfield.cli.superres.tables import write_csv, write_json
from tg_molfield.fields import Volume
from tg_molfield.nn import AutoDecoderReport, FieldAutoDecoder


def write_results(
    folder: Path,
    ending: str,
    problem: Problem,
    model: FieldAutoDecoder,
    report: AutoDecoderReport,
    rows: Sequence[Row],
    finest: dict[str, Volume],
    facts: dict[str, Any],
) -> None:
    """Write volumes, model, figures and page.

    Args:
        folder: where to; made if it is not there.
        ending: of the volumes, such as ``.cube``.
        problem: what was asked.
        model: what was fitted.
        report: of the fit.
        rows: how near each method came.
        finest: the fields on the finest grid, by method.
        facts: what else ``report.json`` should tell, with the name of the ``decoder``.
    """
    decoder = facts["decoder"]
    model.save(folder / "model.safetensors")
    finest[decoder].with_atoms(problem.samples.atoms).save(folder / f"reconstruction{ending}")
    if problem.truth is not None:
        problem.truth.save(folder / f"truth{ending}")
    seen = {"channels": problem.samples.channels, "nodes": problem.samples.grid.shape}
    write_json(folder / "report.json", facts | seen, report, rows)
    if rows:
        write_csv(folder / "psnr.csv", rows)
    reconstruction_page(problem, decoder, report, rows, finest).save(folder / "page.html")
