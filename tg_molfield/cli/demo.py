"""``tg-molfield demo``: the whole way once, on real molecules that are already installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    output: Annotated[Path, typer.Argument(help="The folder to write into.")] = Path("molfield-demo"),
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 3.0,
    seed: Annotated[int, typer.Option(help="Seed of the split, the training and the orientations.")] = 0,
    held_out: Annotated[float, typer.Option(help="Share of the molecules to hold out, between 0 and 1.")] = 0.2,
) -> None:
    """Learn the fields of the molecules inside ASE and reconstruct molecules never seen.

    Splits about 160 small molecules by formula, trains a FieldAutoEncoder, and reports the peak signal-to-noise
    ratio on held-out molecules in random orientations beside interpolation, the mean field and the
    pretrained model of the package. Then fine-tunes the pretrained encoder on enthalpies of formation. Writes the
    checkpoint, two tables (csv), CUBE files of true and learned fields and one self-contained page (html).
    """
    from tg_molfield.demo import run

    run(output, minutes=minutes, seed=seed, held_out=held_out)
