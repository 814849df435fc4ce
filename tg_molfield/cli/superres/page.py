"""The page about a reconstruction: truth, reconstruction and difference side by side, with the baselines."""

from __future__ import annotations

from collections.abc import Sequence

from tg_molfield.cli.superres.methods import BASELINES, Row
from tg_molfield.cli.superres.problem import Problem
from tg_molfield.cli.superres.tables import cells, headers, together
from tg_molfield.fields import Volume
from tg_molfield.nn import AutoDecoderReport
from tg_molfield.viz import Case, Page, comparison_page, plot_slices

_MOST_ATOMS = 300
_SEEN = {
    "mixture": "the samples and, where it is one, the width of the Gaussians in each channel; it saw no atoms",
    "kriging": "the samples alone",
    "anchored": "the samples and the atoms: where they are, and their widths",
    "siren": "the samples alone",
    "rbf": "the samples alone",
}


def reconstruction_page(
    problem: Problem, decoder: str, report: AutoDecoderReport, rows: Sequence[Row], finest: dict[str, Volume]
) -> Page:
    """The page.

    Args:
        problem: what was asked.
        decoder: the name of the method.
        report: of its fit.
        rows: how near each method came; none where nothing is known beyond the samples.
        finest: the fields on the finest grid, by method.
    """
    shape, count = "×".join(map(str, problem.samples.grid.shape)), len(problem.samples.channels)
    text = (
        f"The field was seen at {shape} nodes, {report.samples:,} numbers in {count} channel{'s' * (count > 1)}. "
        f"**{decoder}** saw {_SEEN[decoder]}. It took {report.seconds:.1f} s and is made of {report.parameters:,} "
        f"numbers, {report.compression:.2g} samples a number."
    )
    truth = problem.truth
    title = f"{problem.name}: finer than it was sampled"
    if truth is None:
        page = Page(title, "tg-molfield superres").text(f"{text}\n\nNothing is known between the samples to judge by.")
        shown = {decoder: finest[decoder], **{name: finest[name] for name in BASELINES[1:]}}
        return page.figure(
            plot_slices(shown, difference=True), f"Slices, and what the others differ by from {decoder}."
        )
    text += (
        " The table gives the peak signal-to-noise ratio in dB over all nodes and channels, which empty space "
        "flatters, and over occupied nodes, where the truth exceeds 1 % of its channel's peak. The zero field, "
        "trilinear interpolation and a cubic spline of the same samples stand beside it."
    )
    drawn = truth.atoms if truth.atoms is not None and len(truth.atoms.z) <= _MOST_ATOMS else None
    case = Case(
        name=problem.name,
        truth=truth.with_atoms(drawn),
        reconstruction=finest[decoder].with_atoms(drawn),
        baselines={name: finest[name].with_atoms(drawn) for name in BASELINES[1:]},
        merits={
            f"{label}, occupied (dB)": round(ratio.occupied, 1)
            for row in together(rows)
            if row.method == decoder
            for label, ratio in row.ratios.items()
        },
    )
    table = [[row.method, *cells(row)] for row in together(rows)]
    best = dict.fromkeys(headers(rows)[1:], "max")
    return comparison_page(
        title, [case], (table, headers(rows)), subtitle="tg-molfield superres", text=text, best=best
    )  # fmt: skip
