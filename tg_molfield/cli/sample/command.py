"""The command ``tg-molfield sample`` and its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tg_molfield.cli.models import FLOW_HELP, Precision, Tries
from tg_molfield.cli.output_folder import check_folder, keep_inputs, make_folder
from tg_molfield.cli.packages import check_pages
from tg_molfield.cli.terminal import progress, say

_MOST = 100_000
_DISTANCE = 0.3


def sample(
    model: Annotated[str, typer.Argument(help=FLOW_HELP)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")],
    number: Annotated[
        int, typer.Option("--number", "-n", help="How many molecules; with --near of each molecule there.")
    ] = 20,
    near: Annotated[
        str | None, typer.Option(metavar="FILE", help="A structure file or a SMILES: sample near its molecules.")
    ] = None,
    distance: Annotated[
        float | None,
        typer.Option(
            help="How far from the molecules of --near: 0 to 1, the noise in their codes; 1 is any molecule.  "
            "\\[default: 0.3]"
        ),
    ] = None,
    tries: Tries = None,
    precision: Precision = None,
    seed: Annotated[
        int | None, typer.Option(help="The seed of what is random: all that is sampled.  \\[default: 0]")
    ] = None,
) -> None:
    """Sample new molecules, like those that a model was trained on or near given ones.

    A model decodes atoms, and not all of them are a molecule; with --tries those that are none are drawn again. Writes
    samples.sdf (those that are one, with bonds and SMILES), samples.xyz (all of them, in the comment lines whether they
    are valid), samples.csv, and page.html with drawings. Valid are atoms for which RDKit finds bonds without a net
    charge, all in one piece.

    Examples:

    tg-molfield sample qm9-latent -o samples --number 100 --tries 8

    tg-molfield sample qm9-latent -o near --near phenol.sdf --distance 0.2 --seed 1
    """
    from tg_molfield.cli.models import checked_seed, checked_tries, in_precision, load_flow
    from tg_molfield.cli.no_effect import refuse
    from tg_molfield.cli.reading import read_for_model
    from tg_molfield.cli.sample.drawing import near_molecules, new_molecules
    from tg_molfield.cli.sample.outputs import summary, write_samples

    if not 1 <= number <= _MOST:
        raise ValueError(f"--number: expected 1 to {_MOST:,}, got {number}; sample in several runs")
    if near is None:
        refuse({"--distance": distance}, "--near", "none")
    if distance is not None and not 0 <= distance <= 1:
        raise ValueError(f"--distance: expected 0 to 1, got {distance}; 0 is the molecule itself, 1 any")
    seed, tries, computing = checked_seed(seed), checked_tries(tries), in_precision(precision)
    check_folder(output)
    check_pages()
    keep_inputs([near], output, ["samples.*"])
    flow = load_flow(model, "model")
    sources = read_for_model(near, flow) if near is not None else []
    with progress("sampling") as show:
        with computing:
            if near is None:
                groups = [new_molecules(flow, number, tries, seed, show)]
            else:
                far = _DISTANCE if distance is None else distance
                groups = near_molecules(flow, sources, far, number, tries, seed, show)
        show("writing files", None)
        make_folder(output)
        write_samples(output, model, groups)
    say(summary(groups))
    say(f"wrote {output}/: samples.sdf, samples.xyz, samples.csv, page.html")
