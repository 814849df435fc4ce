"""The page of the demonstration: PSNR of all methods, some molecules to look at, and the fine-tuned encoder."""

from __future__ import annotations

from collections.abc import Sequence

from tg_molfield.demo.enthalpies import Enthalpies
from tg_molfield.demo.evaluation import LEARNED, MAX_PSNR, PRETRAINED, REFINED, HeldOut, Summary
from tg_molfield.demo.finetuning import RUNS
from tg_molfield.viz import Page
from tg_molfield.viz.report import Case, comparison_page

HEADERS = ("method", "molecules", "occupied, mean", "occupied, worst", "all nodes, mean")
ENTHALPY_HEADERS = ("model", "molecules", "mean absolute error", "standard error")
_MERITS = (LEARNED, REFINED, PRETRAINED)


def demo_page(
    shown: Sequence[HeldOut],
    summary: Summary,
    enthalpies: Enthalpies,
    num_train: int,
    num_test: int,
    seconds: float,
    nodes: int,
) -> Page:
    """The page about ``num_test`` molecules, with the fields of those ``shown`` and the ``enthalpies`` if any."""
    text = (
        f"A FieldAutoEncoder was trained for {seconds:.0f} seconds on {num_train} of the small molecules in ASE. "
        f"The table shows how well it reconstructs the fields of {num_test} held-out molecules, whose formulas do not "
        "occur in the training set, in random orientations: the peak signal-to-noise ratio (PSNR) in dB on "
        f"{nodes}³ nodes, first over occupied nodes, where the target exceeds 1 % of the peak of its channel, then "
        "over all nodes and channels as in arXiv 2502.10848, which empty space improves. Refined codes "
        "are optimised with 50 gradient steps towards the true field of the molecule. Interpolation uses 16³ samples "
        "of the true field, 4,096 numbers for each channel; a code has 512 numbers in all.\n\n"
        "The pretrained model of the package has codes of the same length. It decodes them by solving for the "
        "positions of the atoms, which reproduces the field up to rounding errors, and does not accept elements "
        "outside its training set, so its row may include fewer molecules. PSNR values are limited to "
        f"{MAX_PSNR:.0f} dB.\n\n"
        "The molecules below are at the quartiles of the PSNR of the learned fields: one worse than most, a typical "
        "one, and one better than most. At the end, the pretrained encoder is fine-tuned on a measured property."
    )
    cases = [
        Case(
            name=one.data.name,
            label=LEARNED,
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
        f"Four models were fitted to the measured enthalpies (298 K, kcal/mol) of {enthalpies.num_train} training "
        "molecules, the closed-shell ones of H, C, N, O, F, S and Cl only, and predict those of "
        f"{len(enthalpies.names)} held-out ones. Two are linear: least squares on the element counts, and ridge "
        "regression on the last 64 numbers of the frozen pretrained code. The other two train the encoder and a linear "
        "head on these 64 numbers, starting from the pretrained weights or from random ones; they are trained on the "
        f"residuals of the element counts and averaged over {RUNS} runs. The training parameters were chosen by "
        "cross-validation over the training molecules of the default split. Pretraining used structures and "
        "descriptors computed by RDKit, no measured property; its structures may include some of these molecules.\n\n"
        "With so few molecules the differences between the models are uncertain: the standard error is that of the "
        "mean over molecules, and another `--seed` gives another split."
    )
    return page.table(enthalpies.errors(), ENTHALPY_HEADERS)
