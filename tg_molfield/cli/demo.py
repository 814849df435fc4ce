"""``tg-molfield demo``: training, evaluation and fine-tuning on the molecules that ship with ASE."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tg_molfield.cli.options import Seed
from tg_molfield.cli.output_folder import check_folder


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")] = Path("molfield-demo"),
    minutes: Annotated[float, typer.Option(help="The training time in minutes.")] = 3.0,
    seed: Seed = None,
    held_out: Annotated[float, typer.Option(help="The fraction of the molecules to hold out, between 0 and 1.")] = 0.2,
) -> None:
    """Learn the fields of the small molecules in ASE and reconstruct those of held-out molecules.

    Splits 162 small molecules by formula, trains a FieldAutoEncoder, and compares its peak signal-to-noise ratio on
    held-out molecules in random orientations with interpolation, the mean field and the pretrained model of the
    package. Then fine-tunes the pretrained encoder on enthalpies of formation. Writes the model, two tables (csv),
    true and learned fields (cube) and one self-contained page (html).
    """
    from tg_molfield.demo import run

    check_folder(output)
    run(output, minutes=minutes, seed=seed or 0, held_out=held_out)
