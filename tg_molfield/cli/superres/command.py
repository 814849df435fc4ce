"""``tg-molfield superres``: a field finer than it was sampled, judged where the truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

_FORMATS = (".npz", ".cube", ".dx", ".ccp4")


def superres(
    source: Annotated[
        str,
        typer.Argument(
            metavar="STRUCTURE_OR_VOLUME",
            help="A structure (pdb, cif, sdf, xyz …), or a density (cube, dx, ccp4, npz).",
        ),
    ],
    ligand: Annotated[
        str | None,
        typer.Option(
            help="The ligand of a structure: its file, or a residue of the structure, as 'NFT' or 'NFT/A/283'."
        ),
    ] = None,
    train: Annotated[int, typer.Option(help="Nodes an axis at which the field of a structure is seen.")] = 32,
    evaluate: Annotated[
        list[int] | None,
        typer.Option("--eval", metavar="N [N …]", help="Nodes an axis at which it is judged.  [default: 64 128]"),
    ] = None,
    decoder: Annotated[
        str, typer.Option(help="mixture or kriging (blind), anchored (knows the atoms), siren or rbf (by descent).")
    ] = "mixture",
    channels: Annotated[
        str, typer.Option(help="Channels of a structure; with a ligand those of both parts, or one, as ligand.C.")
    ] = "H C N O F P S Cl other",
    beta: Annotated[float, typer.Option(help="β of a structure's Gaussians exp(−β d²/r²).")] = 0.25,
    record: Annotated[int, typer.Option(help="Which record or model of a structure file, counted from 1.")] = 1,
    every: Annotated[
        int, typer.Option(help="Of a density, see every so many nodes and be judged at the others; 1: see all.")
    ] = 2,
    finer: Annotated[int, typer.Option(help="With --every 1, steps of the result in place of one.")] = 2,
    widths: Annotated[
        str | None, typer.Option(help="σ in Å of each channel of a density where it is one, else 'none'.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")] = Path("superres"),
    volume_format: Annotated[str, typer.Option("--format", help="Of the volumes: .npz .cube .dx .ccp4")] = ".npz",
    max_steps: Annotated[int | None, typer.Option(help="The budget of siren and rbf in steps.")] = None,
    max_seconds: Annotated[float | None, typer.Option(help="The budget of siren and rbf in seconds.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A .safetensors file from which a fit that was killed goes on.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
) -> None:
    """Reconstruct a field finer than it was sampled, and set it beside interpolation and the truth.

    The field of a structure is that of arXiv 2502.10848, seen at --train nodes an axis. A density is seen at every
    second node and judged at the nodes left out, or seen at all and written finer. Writes the volumes, the fitted
    model (model.safetensors), the figures (psnr.csv, report.json) and one self-contained page (page.html).

    Examples:

    tg-molfield superres protein.pdb --ligand ligand.sdf --train 32 --eval 64 128

    tg-molfield superres density.ccp4 --decoder kriging --format .ccp4
    """
    from tg_molfield.cli.superres.inputs import density_problem, is_density, structure_problem
    from tg_molfield.cli.superres.methods import baselines, fitted, judged
    from tg_molfield.cli.superres.outputs import write_results
    from tg_molfield.cli.superres.tables import screen_table
    from tg_molfield.optional import require

    ending = volume_format if volume_format.startswith(".") else f".{volume_format}"
    if ending not in _FORMATS:
        raise ValueError(f"--format {volume_format}: choose from {', '.join(_FORMATS)}")
    for module in ("plotly", "skimage"):
        require(module, "viz")
    left_out: tuple[str, ...] = ()
    if is_density(source):
        if ligand is not None or evaluate is not None:
            raise ValueError(f"--ligand, --eval: belong to structures, and {source} is a density; use --every, --finer")
        problem = density_problem(source, every, finer, widths)
    else:
        if widths is not None:
            raise ValueError(f"--widths {widths!r}: belongs to densities; those of {source} follow from its channels")
        problem, left_out = structure_problem(source, ligand, record, channels, beta, train, evaluate or [64, 128])
    console = Console(highlight=False, soft_wrap=True)
    shape = "×".join(map(str, problem.samples.grid.shape))
    console.print(f"{problem.name}: {shape} nodes, channels {' '.join(problem.samples.channels)}", markup=False)
    if left_out:
        console.print(f"no atoms in {' '.join(left_out)}; left out", markup=False)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console)
    with bar:
        task = bar.add_task(decoder, total=1.0)
        model, report = fitted(
            problem, decoder, seed, max_steps, max_seconds, checkpoint,
            lambda text, share: bar.update(task, description=text, completed=share),
        )  # fmt: skip
    rows, finest = judged(problem, {**baselines(problem.samples), decoder: model.field()})
    facts = {"source": source, "ligand": ligand, "decoder": decoder, "seed": seed}
    write_results(output, ending, problem, model, report, rows, finest, facts)
    if rows:
        console.print(screen_table(rows))
    console.print(
        f"{decoder}: {report.seconds:.1f} s, {report.parameters:,} numbers for {report.samples:,} samples; "
        f"at the samples {report.psnr[0].all_nodes:.1f} dB, occupied {report.psnr[0].occupied:.1f} dB"
    )
    console.print(f"wrote {output}/: {', '.join(sorted(path.name for path in output.iterdir()))}", markup=False)
