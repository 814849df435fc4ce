"""The page about a reconstruction: truth, reconstruction, difference and interpolations side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tg_molfield.cli.superres.evaluation import BASELINES, Row
from tg_molfield.cli.superres.methods import SEEN, Reconstruction, mixture_text
from tg_molfield.cli.superres.problem import Problem
from tg_molfield.cli.superres.tables import cells, headers, together
from tg_molfield.fields import Volume
from tg_molfield.viz import Case, Page, comparison_page, plot_slices
from tg_molfield.viz.definitions import described
from tg_molfield.viz.inputs import chosen_channels

_MOST_ATOMS = 300


def reconstruction_page(
    problem: Problem, result: Reconstruction, rows: Sequence[Row], finest: dict[str, Volume]
) -> Page:
    """The page.

    Args:
        problem: the samples and the references.
        result: the reconstruction.
        rows: the PSNR of every method; empty where the field is known only at the samples.
        finest: the fields on the finest grid, by method.
    """
    method = result.method
    shape, count = "×".join(map(str, problem.samples.grid.shape)), len(problem.samples.channels)
    text = (
        f"The field was sampled at {shape} nodes: {result.samples:,} numbers in {count} channel{'s' * (count > 1)}. "
        f"The method **{method}** saw {SEEN.get(method, 'the samples alone')}. It took {result.seconds:.1f} s. The "
        f"result consists of {result.parameters:,} numbers, or one for {_each(result.compression)}."
    )
    text += _choice(result.details)
    truth = problem.truth
    title = f"{problem.name}: superresolution"
    if truth is None:
        page = Page(title, "tg-molfield superres")
        page.text(f"{text}\n\nThe field between the samples is not known, so there is no comparison with the truth.")
        shown = {method: finest[method], **{name: finest[name] for name in BASELINES[1:]}}
        names = chosen_channels(finest[method], None)
        return page.figure(
            [plot_slices(shown, name, difference=True) for name in names],
            f"Slices, and the differences of the interpolations from {method}. {described(finest[method])}",
        )
    text += (
        " The table gives the peak signal-to-noise ratio in dB over all nodes and channels, which is high for empty "
        "space, and over occupied nodes, where the truth exceeds 1 % of its channel's peak. The zero field, trilinear "
        "interpolation and a cubic spline of the same samples are given for comparison."
    )
    drawn = truth.atoms if truth.atoms is not None and len(truth.atoms.z) <= _MOST_ATOMS else None
    case = Case(
        name=problem.name,
        label=method,
        truth=truth.with_atoms(drawn),
        reconstruction=finest[method].with_atoms(drawn),
        baselines={name: finest[name].with_atoms(drawn) for name in BASELINES[1:]},
        merits={
            f"{label}, occupied (dB)": round(ratio.occupied, 1)
            for row in together(rows)
            if row.method == method
            for label, ratio in row.ratios.items()
        },
    )
    table = [[row.method, *cells(row)] for row in together(rows)]
    first, *others = headers(rows)
    columns = [first, *(f"{name} (dB)" for name in others)]
    best = dict.fromkeys(columns[1:], "max")
    return comparison_page(
        title,
        [case],
        (table, columns),
        subtitle="tg-molfield superres",
        text=text,
        best=best,
        visible=_largest_channel(truth),
    )


def _each(compression: float) -> str:
    text = f"{compression:.2g}"
    return "each sample" if text == "1" else f"every {text} samples"


def _choice(details: Mapping[str, Any]) -> str:
    """Which method gave which channel, and how each predicted the samples left out."""
    lines = []
    for channel, shares in details.get("shares", {}).items():
        scores = details["left_out"][channel].items()
        told = ", ".join(f"{name} {score:.1f}" for name, score in scores if score is not None)
        lines.append(f"- {channel}: {mixture_text(shares)}" + (f"; left out: {told}" if told else ""))
    if not lines:
        return ""
    return (
        "\n\nThe method of each channel, and the PSNR in dB with which each method predicted samples that it was not "
        "given (left out), mixture being the choice, which also counts what the methods gain between the nodes:\n\n"
        + "\n".join(lines)
        + "\n\n"
    )


def _largest_channel(volume: Volume) -> str:
    """The channel with the largest integral of its absolute value."""
    return volume.channels[int(volume.values.detach().abs().sum((1, 2, 3)).argmax())]
