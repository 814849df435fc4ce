"""``tg-molfield superres``: reconstruct a field between its samples, and compare with the truth where it is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from tg_molfield.cli.field_files import check_held
from tg_molfield.cli.options import Record, Seed
from tg_molfield.cli.output_folder import check_folder, keep_inputs, telling_leftovers
from tg_molfield.cli.packages import check_pages
from tg_molfield.cli.sizes import Yes, refuse_large, volume_size
from tg_molfield.cli.terminal import progress, say, say_table

_CHANNELS = "H C N O F P S Cl other"


def superres(
    source: Annotated[
        str,
        typer.Argument(
            metavar="STRUCTURE_OR_VOLUME",
            help="A structure (pdb, cif, sdf, xyz …), or a density (cube, dx, ccp4, npz).",
        ),
    ],
    method: Annotated[
        str,
        typer.Option(
            help="The method: auto (the best of the next four by channel), spline, kriging, gaussians, learned (from "
            "the samples), known_atoms (also sees the atoms), siren or rbf (a decoder fitted by gradient descent)."
        ),
    ] = "auto",
    ligand: Annotated[
        str | None,
        typer.Option(
            help="The ligand of a structure: its file, or a residue of the structure, as 'NFT' or 'NFT/A/283'."
        ),
    ] = None,
    train: Annotated[
        int | None, typer.Option(help="Nodes along each axis at which a structure's field is sampled.  \\[default: 32]")
    ] = None,
    evaluate: Annotated[
        list[int] | None,
        typer.Option(
            "--eval", metavar="N [N …]", help="Nodes along each axis at which it is compared.  \\[default: 64 128]"
        ),
    ] = None,
    channels: Annotated[
        str | None,
        typer.Option(
            help="The channels: of a structure; with a ligand those of both parts, or one, as ligand.C.  "
            f"\\[default: {_CHANNELS}]"
        ),
    ] = None,
    beta: Annotated[
        float | None, typer.Option(help="The β of a structure's Gaussians exp(−β d²/r²).  \\[default: 0.25]")
    ] = None,
    record: Record = None,
    every: Annotated[
        int | None,
        typer.Option(
            help="Stride: every n-th node of a density is a sample, the others are compared; 1: all.  \\[default: 2]"
        ),
    ] = None,
    finer: Annotated[
        int | None, typer.Option(help="The refinement of the grid of a volume; needs --every 1.  \\[default: 2]")
    ] = None,
    widths: Annotated[
        str | None,
        typer.Option(
            help="The widths: σ in Å of each channel of a density, 'none' where unknown; for auto and gaussians."
        ),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(help="The budget in steps: of siren and rbf.  \\[default: 2000]")
    ] = None,
    max_seconds: Annotated[float | None, typer.Option(help="The budget in seconds: of siren and rbf.")] = None,
    seed: Seed = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="A .safetensors file from which an interrupted run of auto, gaussians, siren or rbf resumes."
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")] = Path("superres"),
    volume_format: Annotated[
        str, typer.Option("--format", help="The format of the volumes: cube, dx, ccp4, npz …")
    ] = "npz",
    yes: Yes = False,
) -> None:
    """Reconstruct a field between its samples, and compare it with interpolation and the truth.

    The field of a structure is that of arXiv 2502.10848, sampled at --train nodes along each axis. A density is sampled
    at every second node and compared at the others, or sampled at all nodes and written on a finer grid. Writes the
    volumes, the field or model (model.safetensors), the figures (psnr.csv, report.json) and one page (page.html).

    Examples:

    tg-molfield superres protein.pdb --ligand ligand.sdf --train 32 --eval 64 128

    tg-molfield superres density.ccp4 --method kriging --format .ccp4
    """
    from tg_molfield.cli.no_effect import refuse
    from tg_molfield.cli.superres.evaluation import baselines
    from tg_molfield.cli.superres.evaluation import evaluate as evaluate_fields
    from tg_molfield.cli.superres.inputs import density_problem, structure_problem
    from tg_molfield.cli.superres.methods import check_method, reconstruct
    from tg_molfield.cli.superres.outputs import write_results
    from tg_molfield.cli.superres.tables import screen_table
    from tg_molfield.volumes.registry import SUFFIXES, is_volume

    ending = "." + volume_format.lstrip(".").lower()
    if ending not in SUFFIXES:
        raise ValueError(f"--format: expected one of {', '.join(SUFFIXES)}, got {volume_format}; change it")
    given = {
        "max_steps": max_steps,
        "max_seconds": max_seconds,
        "seed": seed,
        "checkpoint": None if checkpoint is None else str(checkpoint),
    }
    options = {name: value for name, value in given.items() if value is not None}
    check_folder(output)
    keep_inputs([source, ligand, checkpoint], output, ["reconstruction.*", "truth.*", "model.safetensors"])
    check_method(method, options if widths is None else {**options, "widths": widths})
    check_pages()
    left_out: tuple[str, ...] = ()
    of_structures = {
        "--ligand": ligand, "--train": train, "--eval": evaluate, "--channels": channels, "--beta": beta,
        "--record": record,
    }  # fmt: skip
    of_densities = {"--every": every, "--finer": finer, "--widths": widths}
    if is_volume(source):
        _refuse(of_structures, "structures", of_densities, source)
        if finer is not None and every != 1:
            raise ValueError(f"--finer: expected only with --every 1, got --every {every or 2}; give --every 1")
        if method == "gaussians" and widths is None:
            raise ValueError(
                "--widths: expected σ of each channel in Å for --method gaussians, got none; give for example '0.9 "
                "none', or leave --method out"
            )
        with progress(f"reading {Path(source).name}"):
            problem = density_problem(source, 2 if every is None else every, 2 if finer is None else finer, widths)
    else:
        _refuse(of_densities, "densities", of_structures, source)
        if ligand is not None:
            refuse({"--record": record}, "a structure without --ligand", ligand)
        with progress(f"sampling the field of {Path(source).name}"):
            problem, left_out = structure_problem(
                source,
                ligand,
                1 if record is None else record,
                _CHANNELS if channels is None else channels,
                0.25 if beta is None else beta,
                32 if train is None else train,
                evaluate or [64, 128],
            )
    check_held(output / f"reconstruction{ending}", len(problem.samples.channels), problem.samples)
    values = len(problem.samples.channels) * problem.finest.num_nodes
    names = ["reconstruction"] if problem.truth is None else ["reconstruction", "truth"]
    sizes = {name + ending: volume_size(name + ending, values, problem.samples.dtype.itemsize) for name in names}
    refuse_large(sizes, yes, "give a coarser grid (--eval, --finer)")
    shape = "×".join(map(str, problem.samples.grid.shape))
    say(f"{problem.name}: {shape} nodes, channels {' '.join(problem.samples.channels)}")
    if left_out:
        say(f"no atoms in {' '.join(left_out)}; left out")
    with progress(method) as show:
        result = reconstruct(problem, method, options, show)
        show("comparing with interpolation", None)
        rows, finest = evaluate_fields(problem, {**baselines(problem.samples), method: result.field})
        show(f"writing {output}/", None)
        facts = {"source": source, "ligand": ligand, "method": method, "options": options}
        with telling_leftovers(output, ["reconstruction.*", "truth.*", "psnr.csv"]):
            written = write_results(output, ending, problem, result, rows, finest, facts)
    if rows:
        say_table(screen_table(rows))
    say(
        f"{method}: {result.seconds:.1f} s, {result.parameters:,} numbers for {result.samples:,} samples; at the "
        f"samples {result.psnr_at_samples.all_nodes:.1f} dB, occupied {result.psnr_at_samples.occupied:.1f} dB"
    )
    if result.note:
        say(result.note)
    say(f"wrote {output}/: {', '.join(sorted(path.name for path in written))}")


def _refuse(options: Mapping[str, object], kind: str, instead: Mapping[str, object], source: str) -> None:
    """Refuse options of another kind of input.

    Raises:
        ValueError: one is given.
    """
    given = [name for name, value in options.items() if value is not None]
    if given:
        other = "a density" if kind == "structures" else "a structure"
        raise ValueError(
            f"{', '.join(given)}: expected options of {other} for {source} ({', '.join(instead)}), got options of "
            f"{kind}; leave them out"
        )
