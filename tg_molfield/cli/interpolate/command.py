"""The command ``tg-molfield interpolate`` and its options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tg_molfield.cli.field_files import check_held
from tg_molfield.cli.interpolate import morphs
from tg_molfield.cli.interpolate.inputs import drawn_molecules, read_path, step_grids
from tg_molfield.cli.interpolate.outputs import (
    HEADERS,
    PATTERNS,
    path_page,
    summary,
    table_rows,
    thinned_for_page,
    write_table,
)
from tg_molfield.cli.interpolate.steps import step_labels
from tg_molfield.cli.models import FLOW_HELP, Precision, Tries
from tg_molfield.cli.no_effect import refuse
from tg_molfield.cli.output_folder import check_folder, keep_inputs, make_folder, telling_leftovers
from tg_molfield.cli.packages import check_pages
from tg_molfield.cli.sizes import Yes, refuse_large, volume_size
from tg_molfield.cli.terminal import progress, say

if TYPE_CHECKING:
    from torch import Tensor

    from tg_molfield.fields import Volume
    from tg_molfield.paths import PathMetrics


def interpolate(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="A file of several frames or models (pdb, xyz, traj, sdf …), several structures, or volumes."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")],
    frames: Annotated[
        list[int] | None, typer.Option(help="The frames to go through, counted from 1; all by default.")
    ] = None,
    every: Annotated[
        int | None, typer.Option(help="Stride: every n-th of these frames is used.  \\[default: 1, all of them]")
    ] = None,
    steps: Annotated[int, typer.Option(help="The number of steps from the first frame to the last.")] = 20,
    kind: Annotated[
        str | None,
        typer.Option(
            help="How frames are connected: 'spline' for trajectories, 'arap' for conformers far apart, or 'auto'.  "
            "\\[default: auto]"
        ),
    ] = None,
    match: Annotated[
        str | None,
        typer.Option(
            help="Morph between two molecules whose atoms are matched: 'mcs', by their maximum common substructure, or "
            "'field', where their fields overlap most."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help=f"{FLOW_HELP} Then molecules between two are decoded, one after another."),
    ] = None,
    noise: Annotated[
        float | None,
        typer.Option(
            help="The noise half way: with --model, the share of random numbers in codes, 0 to 1.  \\[default: by the "
            "molecules]"
        ),
    ] = None,
    tries: Tries = None,
    precision: Precision = None,
    seed: Annotated[
        int | None, typer.Option(help="The seed of what is random: the noise of --model.  \\[default: 0]")
    ] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Use the fields of the frames only, not their atoms.")] = False,
    channels: Annotated[
        str | None, typer.Option(help="The channels: elements; by default those of the frames.")
    ] = None,
    spacing: Annotated[float, typer.Option(help="The grid spacing in Å.")] = 0.5,
    margin: Annotated[float, typer.Option(help="The margin of the grid around the atoms in Å.")] = 4.0,
    suffix: Annotated[str, typer.Option("--format", help="The format of the volumes: cube, dx, ccp4, npz …")] = "cube",
    check: Annotated[
        bool | None,
        typer.Option(
            "--check/--no-check",
            help="Find the atoms of every step and check bonds and contacts.  \\[default: check]",
        ),
    ] = None,
    yes: Yes = False,
) -> None:
    """Fields between the frames of a trajectory or an ensemble, or between two conformers or two molecules.

    Writes a volume for every step (step_000.cube, …), path.html with a slider, and path.csv with the quality of every
    step: the drift of the channels' integrals, whether all atoms are found in the volume, the shortest contact of
    nonbonded atoms, and the drift of bond lengths from those in the frames.

    Slabs and crystals are sampled over their cell, and atoms go the shortest way across its border.

    With --match, the last of two different molecules is laid on the first. Atoms in both molecules move, and the others
    fade out and in, as path.html and atoms.csv tell. Then path.csv has the weights of atoms that fade, and how far the
    channels' integrals are from the straight line between the ends.

    With --model, the molecules between two are those that a model with the decoder flow decodes from codes between
    theirs; not all of them are molecules, as path.csv and path.html tell, unless they are drawn again, see --tries.
    They are also written to path.sdf (those that are, with bonds) and path.xyz (all).

    Examples:

    tg-molfield interpolate ibuprofen.sdf naproxen.sdf --match mcs --output path

    tg-molfield interpolate ethanol.sdf alanine.sdf --model qm9-latent --output path

    tg-molfield interpolate 1l2y.pdb --frames 1 7 --output path

    tg-molfield interpolate trajectory.xyz --every 8 --steps 50 --output path --format npz
    """
    import torch

    from tg_molfield.paths import path_metrics
    from tg_molfield.volumes.registry import SUFFIXES

    ending = "." + suffix.lstrip(".").lower()
    if ending not in SUFFIXES:
        raise ValueError(f"--format: expected one of {', '.join(SUFFIXES)}, got {suffix}; npz keeps full precision")
    for option, number in (("--steps", steps), ("--every", every)):
        if number is not None and number < 1:
            raise ValueError(f"{option}: expected 1 or more, got {number}; leave it out for the default")
    check_folder(output)
    check_pages()
    if model is not None:
        from tg_molfield.cli.interpolate.decoded import decoded_path

        of_frames = {
            "--frames": frames or None,
            "--every": every,
            "--kind": kind,
            "--match": match,
            "--blind": blind or None,
            "--channels": channels,
            "--check" if check else "--no-check": check,
        }
        refuse(of_frames, "frames alone", f"--model {model}")
        decoded_path(files, model, steps, noise, tries, precision, seed, (spacing, margin), ending, output, yes)
        return
    refuse({"--noise": noise, "--tries": tries, "--precision": precision, "--seed": seed}, "--model", "none")
    keep_inputs(files, output, PATTERNS)
    check = check is not False
    with progress("reading frames"):
        path, numbers = read_path(files, frames, every or 1, kind or "auto", blind, channels, spacing, margin, match)
    times = torch.linspace(float(path.times[0]), float(path.times[-1]), steps + 1, dtype=torch.float64).tolist()
    labels = step_labels(path, times, numbers)
    names = [f"step_{number:03d}{ending}" for number in range(len(times))]
    shown: dict[str, Volume] = {}
    metrics: list[PathMetrics] = []
    integrals: list[Tensor] = []
    with telling_leftovers(output, PATTERNS), progress("step 1") as show:
        molecules = drawn_molecules(path, times)
        grids = step_grids(molecules, spacing, margin)
        size = volume_size(names[0], len(path.mol_field.channels) * grids[0].num_nodes, molecules[0].pos.itemsize)
        refuse_large(dict.fromkeys(names, size), yes, "give a larger --spacing or fewer --steps")
        for number, (time, label, data) in enumerate(zip(times, labels, molecules, strict=True)):
            show(f"step {number + 1} of {len(times)}", number / len(times))
            volume = path.field(time).on(grids[number])
            if not number:
                check_held(output / names[0], len(volume.channels), volume)
                make_folder(output)
            volume.save(output / names[number])
            shown[label] = thinned_for_page(volume, len(molecules))
            if check and path.is_morph:
                integrals.append(volume.integral())
            elif check:
                before, _ = path.locate(time)
                ends = [path.data(float(path.times[frame])) for frame in (before, before + 1)]
                metrics.append(path_metrics(data, ends, path.mol_field, volume))
        show("writing path.html", None)
        fractions = [path.locate(time)[1] for time in times] if path.is_morph else []
        rows = []
        if check:
            rows = morphs.morph_rows(labels, integrals, fractions) if path.is_morph else table_rows(labels, metrics)
        headers = morphs.HEADERS if path.is_morph else HEADERS
        path_page(path, files, blind, shown, rows, headers, numbers).save(output / "path.html")
        if path.is_morph:
            write_table(output / "atoms.csv", morphs.atom_rows(path), morphs.ATOM_HEADERS)
        if check:
            write_table(output / "path.csv", rows, headers)
    say(path)
    say(f"wrote {output}/: {len(times)} volumes, path.html{', atoms.csv' * path.is_morph}{', path.csv' * check}")
    if metrics:
        say(summary(metrics))
