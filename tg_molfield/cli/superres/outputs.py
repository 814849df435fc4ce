"""The folder that a reconstruction is written to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tg_molfield.cli.superres.evaluation import Row
from tg_molfield.cli.superres.methods import Reconstruction
from tg_molfield.cli.superres.page import reconstruction_page
from tg_molfield.cli.superres.problem import Problem
from tg_molfield.cli.superres.tables import write_csv, write_json
from tg_molfield.fields import Volume


def write_results(
    folder: Path,
    ending: str,
    problem: Problem,
    result: Reconstruction,
    rows: Sequence[Row],
    finest: dict[str, Volume],
    facts: dict[str, Any],
) -> list[Path]:
    """Write the volumes, the field or model, the figures and the page, and return the files.

    Args:
        folder: made if it does not exist.
        ending: the suffix of the volumes, such as ``.cube``.
        problem: the samples and the references.
        result: the reconstruction.
        rows: the PSNR of every method.
        finest: the fields on the finest grid, by method.
        facts: the input, for ``report.json``.
    """
    model, report, table, page = (
        folder / name for name in ("model.safetensors", "report.json", "psnr.csv", "page.html")
    )
    result.save(model)
    written = [model, *finest[result.method].with_atoms(problem.samples.atoms).save(folder / f"reconstruction{ending}")]
    if problem.truth is not None:
        written += problem.truth.save(folder / f"truth{ending}")
    grid = {"channels": problem.samples.channels, "nodes": problem.samples.grid.shape}
    write_json(report, facts | grid, result, rows)
    if rows:
        write_csv(table, rows)
        written.append(table)
    reconstruction_page(problem, result, rows, finest).save(page)
    return [*written, report, page]
