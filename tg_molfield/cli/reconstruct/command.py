"""The command ``tg-molfield reconstruct``."""

from __future__ import annotations

from glob import escape
from typing import TYPE_CHECKING, Annotated

import typer

from tg_molfield.cli.field_files import FieldFiles, Written, check_field_files, write_fields
from tg_molfield.cli.models import MODEL_HELP
from tg_molfield.cli.options import Dimension, Level, Margin, Selection, Spacing, Timeout, Topology
from tg_molfield.cli.output_folder import keep_inputs
from tg_molfield.cli.sizes import Yes
from tg_molfield.cli.terminal import say, say_table
from tg_molfield.cli.wording import counted

if TYPE_CHECKING:
    from tg_molfield.fields import Volume


def reconstruct(
    source: Annotated[
        str,
        typer.Argument(
            metavar="STRUCTURE_OR_VOLUME",
            help="A structure file (sdf, xyz, pdb …) or a SMILES; or the volume that a field was fitted to.",
        ),
    ],
    output: FieldFiles,
    model: Annotated[
        str, typer.Option(help=f"{MODEL_HELP} For a volume, a field that superres fitted to it (model.safetensors).")
    ] = "organic-small",
    refine: Annotated[
        int | None, typer.Option(help="Steps that improve codes towards exact fields.  \\[default: 0]")
    ] = None,
    spacing: Spacing = None,
    margin: Margin = None,
    finer: Annotated[int | None, typer.Option(help="The refinement of the grid of a volume.  \\[default: 1]")] = None,
    level: Level = None,
    record: Annotated[
        int | None,
        typer.Option(
            help="The record or model of a file, counted from 1; or the volume of a model of several.  \\[default: 1]"
        ),
    ] = None,
    dimension: Dimension = None,
    timeout: Timeout = None,
    topology: Topology = None,
    selection: Selection = None,
    yes: Yes = False,
) -> None:
    """Write the field that a model reconstructs of a molecule, and how near it comes to the exact field.

    The peak signal-to-noise ratio is told over all nodes of the grid, empty channels included, and over those where the
    exact field exceeds 1 % of its peak, each channel divided by its peak. Pictures and pages show both fields and their
    difference. Of a volume, the field that superres fitted to it is compared with its values; superres itself fits one.

    Examples:

    tg-molfield reconstruct caffeine.sdf -o caffeine.cube -o caffeine.html

    tg-molfield reconstruct CCO -o ethanol.png --model trained.safetensors --refine 50

    tg-molfield reconstruct density.cube -o finer.cube --model superres/model.safetensors --finer 2
    """
    from tg_molfield.cli.no_effect import refuse
    from tg_molfield.cli.reconstruct.molecules import reconstructed_molecule
    from tg_molfield.cli.reconstruct.volumes import reconstructed_volume
    from tg_molfield.volumes.registry import is_volume

    check_field_files(output, level)
    for path in output:
        keep_inputs([source, model], path.parent, [escape(path.name)])
    if is_volume(source):
        of_molecules = {
            "--refine": refine,
            "--spacing": spacing,
            "--margin": margin,
            "--dimension": dimension,
            "--timeout": timeout,
            "--topology": topology,
            "--selection": selection,
        }
        refuse(of_molecules, "a molecule", source)
        result = reconstructed_volume(source, model, record, 1 if finer is None else finer, output, yes)
    else:
        refuse({"--finer": finer}, "a volume", source)
        result = reconstructed_molecule(
            source,
            model,
            0 if refine is None else refine,
            (0.25 if spacing is None else spacing, margin),
            (record, dimension, timeout, topology, selection),
            output,
            yes,
        )
    if result.note:
        say(result.note)
    facts = _quality(result.compared, result.truth, result.against)
    shown = result.truth if result.truth is None or result.truth.grid == result.volume.grid else None
    write_fields(Written(result.volume, result.title, truth=shown, level=level, facts=facts), output)


def _quality(volume: Volume, truth: Volume | None, against: str) -> dict[str, float]:
    """Print the ratios, by channel and together; those of all channels together by name."""
    from tg_molfield.cli.compare.outputs import printed_table
    from tg_molfield.cli.reconstruct.quality import channel_rows
    from tg_molfield.metrics import psnr

    if truth is None:
        return {}
    if not bool(truth.values.any()):
        say(f"{against} is 0 at all nodes, so there is no ratio to tell")
        return {}
    both = psnr(volume, truth, truth.grid)
    blank = ""
    if len(truth.channels) > 1:
        rows, empty = channel_rows(volume, truth)
        cells = [
            ("channel all" if name == "all" else name, f"{all_nodes:.2f}", f"{occupied:.2f}")
            for name, all_nodes, occupied in rows
        ]
        say_table(printed_table(("channel", "all nodes, dB", "occupied, dB"), cells))
        if empty:
            say(f"{against}: {empty}")
            blank = counted(len(truth.channels) - len(rows), "empty channel")
    raised = f"; the first counts {blank}, too" if blank else ""
    say(f"PSNR against {against}: {both.all_nodes:.2f} dB, occupied {both.occupied:.2f} dB{raised}")
    label = f"PSNR, dB, with {blank}" if blank else "PSNR, dB"
    return {label: round(both.all_nodes, 2), "occupied, dB": round(both.occupied, 2)}
