"""The page of the demonstration: figures of merit, and some molecules to look at."""

from __future__ import annotations

from collections.abc import Sequence

from tg_molfield.demo.evaluation import LEARNED, NODES, REFINED, HeldOut
from tg_molfield.viz import Page
from tg_molfield.viz.report import Case, comparison_page

Summary = Sequence[tuple[str, float, float, float]]

HEADERS = ("method", "occupied, mean", "occupied, worst", "all nodes, mean")


def demo_page(shown: Sequence[HeldOut], summary: Summary, trained: int, held_out: int, seconds: float) -> Page:
    """The page about ``held_out`` molecules, with the fields of those ``shown``."""
    text = (
        f"A FieldAutoEncoder saw {trained} of the small molecules that ship inside ASE for {seconds:.0f} seconds. "
        f"Below is how well it gives back the fields of {held_out} others, whose formulas it never saw, each in a "
        f"random orientation: the peak signal-to-noise ratio in dB on {NODES}³ nodes, where the target exceeds 1 % "
        "of its channel's peak (occupied), and over all nodes and channels as arXiv 2502.10848 has it, which empty "
        "space flatters. The refined variant improves the code of each molecule by 50 gradient steps towards the "
        "molecule's own field. Interpolation reads 16³ samples of the field itself, 4,096 numbers a channel; the "
        "code is 512 numbers in all. Shown are the quartiles of the learned fields: a molecule that does worse "
        "than most, a typical one, and one that does better."
    )
    cases = [
        Case(
            name=one.data.name,
            truth=one.truth,
            reconstruction=one.fields[LEARNED].on(one.grid),
            baselines={REFINED: one.fields[REFINED].on(one.grid)},
            merits={
                "learned, occupied (dB)": round(one.ratios[LEARNED].occupied, 1),
                "refined, occupied (dB)": round(one.ratios[REFINED].occupied, 1),
                "learned, all nodes (dB)": round(one.ratios[LEARNED].all_nodes, 1),
            },
        )
        for one in shown
    ]
    rows = [list(row) for row in summary]
    return comparison_page("Molecular fields, learned", cases, (rows, HEADERS), subtitle="tg-molfield demo", text=text)
