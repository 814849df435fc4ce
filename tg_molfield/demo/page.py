"""The page of the demonstration: figures of merit, some molecules to look at, and the fine-tuned encoder."""

from __future__ import annotations

from collections.abc import Sequence

from tg_molfield.demo.enthalpies import Enthalpies
from tg_molfield.demo.evaluation import LEARNED, MOST, NODES, PRETRAINED, REFINED, HeldOut, Summary
from tg_molfield.demo.finetuning import RUNS
from tg_molfield.viz import Page
from tg_molfield.viz.report import Case, comparison_page

HEADERS = ("method", "molecules", "occupied, mean", "occupied, worst", "all nodes, mean")
ENTHALPY_HEADERS = ("model", "molecules", "mean absolute error", "standard error")
_MERITS = (LEARNED, REFINED, PRETRAINED)


def demo_page(
    shown: Sequence[HeldOut], summary: Summary, enthalpies: Enthalpies, trained: int, held_out: int, seconds: float
) -> Page:
    """The page about ``held_out`` molecules, with the fields of those ``shown`` and ``enthalpies`` if there are any."""
    text = (
        f"A FieldAutoEncoder saw {trained} of the small molecules that ship inside ASE for {seconds:.0f} seconds. "
        f"Below is how well it gives back the fields of {held_out} others, whose formulas it never saw, each in a "
        f"random orientation: the peak signal-to-noise ratio in dB on {NODES}³ nodes, where the target exceeds 1 % "
        "of its channel's peak (occupied), and over all nodes and channels as arXiv 2502.10848 has it, which empty "
        "space flatters. The refined variant improves the code of each molecule by 50 gradient steps towards the "
        "molecule's own field. Interpolation reads 16³ samples of the field itself, 4,096 numbers a channel; the "
        "code is 512 numbers in all.\n\n"
        "The pretrained model that comes with the package has codes of the same length. It decodes them by solving for "
        "the atoms, which gives the field back to rounding, and refuses molecules with elements that it does not know: "
        f"its row may count fewer molecules. Figures are cut off at {MOST:.0f} dB.\n\n"
        "Shown are the quartiles of the learned fields: a molecule that does worse than most, a typical one, and one "
        "that does better. At the end the pretrained encoder is fine-tuned on a measured property."
    )
    cases = [
        Case(
            name=one.data.name,
            truth=one.truth,
            reconstruction=one.fields[LEARNED].on(one.grid),
            baselines={REFINED: one.fields[REFINED].on(one.grid)},
            merits=_merits(one),
        )
        for one in shown
    ]
    rows = [list(row) for row in summary]
    page = comparison_page("Molecular fields, learned", cases, (rows, HEADERS), subtitle="tg-molfield demo", text=text)
    return _add_enthalpies(page, enthalpies) if enthalpies.names else page


def _merits(one: HeldOut) -> dict[str, float]:
    merits = {f"{name}, occupied (dB)": one.ratios[name].occupied for name in _MERITS if name in one.ratios}
    merits[f"{LEARNED}, all nodes (dB)"] = one.ratios[LEARNED].all_nodes
    return {name: round(value, 1) for name, value in merits.items()}


def _add_enthalpies(page: Page, enthalpies: Enthalpies) -> Page:
    page.heading("Enthalpies of formation", "the pretrained encoder, fine-tuned")
    page.text(
        f"Four models were fitted to the measured enthalpies (298 K, kcal/mol) of {enthalpies.trained} of the training "
        "molecules, those with closed shells and of H, C, N, O, F, S and Cl alone, and predict those of "
        f"{len(enthalpies.names)} held-out ones. Two are linear: least squares on the counts of the elements, and "
        "ridge regression on the last 64 numbers of the pretrained code, frozen. Two train the encoder with a linear "
        "head on these 64 numbers, from the pretrained weights or from random ones, in the same way; they learn what "
        f"the element counts leave over, and are the mean of {RUNS} runs each. How they train was chosen by "
        "cross-validation over the training molecules of the default split. Pretraining used structures and what RDKit "
        "computes from them, no measured property; some of these molecules may have been among them.\n\n"
        "So few molecules tell models apart only roughly: the standard error is that of the mean over molecules, and "
        "another `--seed` makes another split."
    )
    return page.table(enthalpies.errors(), ENTHALPY_HEADERS)
