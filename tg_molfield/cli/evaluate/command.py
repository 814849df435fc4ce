"""The command ``tg-molfield evaluate``."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from tg_molfield.arguments import check_counts
from tg_molfield.cli.data_sets.splitting import By, Fractions, SplitSeed, parsed_fractions
from tg_molfield.cli.definition import Channels, Kernel, Preset, Widths, WidthScale, definition_of
from tg_molfield.cli.models import MODEL_HELP
from tg_molfield.cli.options import ConformerSeed, Dimension, Timeout, Workers
from tg_molfield.cli.terminal import progress, say
from tg_molfield.cli.wording import counted

if TYPE_CHECKING:
    from tg_molfield.cli.evaluate.data import Chosen
    from tg_molfield.cli.evaluate.measuring import Measure, Measured
    from tg_molfield.fields import MolField
    from tg_molfield.nn import FieldAutoEncoder


def evaluate(
    source: Annotated[
        list[str] | None,
        typer.Argument(
            help="The folder of a data set, or files or folders of molecules.  \\[default: the data set that the model "
            "was trained on]"
        ),
    ] = None,
    model: Annotated[str, typer.Option(help=f"{MODEL_HELP} Or the folder of a training.")] = "organic-small",
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            help="The files to write: tables with a row for each molecule (.csv; .parquet needs pyarrow).",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="The part to measure: train, valid or test.  \\[default: all; test of the data set of the training]"
        ),
    ] = None,
    by: By = None,
    fractions: Fractions = None,
    split_seed: SplitSeed = None,
    nodes: Annotated[
        int | None, typer.Option(help="Nodes along each axis of the cube around a molecule.  \\[default: 32]")
    ] = None,
    points: Annotated[
        int | None,
        typer.Option(help="Points of each molecule: as many, in place of nodes; 512 in training."),
    ] = None,
    refine: Annotated[int, typer.Option(help="Steps that improve codes towards exact fields.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Molecules in a batch: the most that are encoded at once.")] = 64,
    seed: Annotated[int | None, typer.Option(help="The seed of what is random: points.  \\[default: 0]")] = None,
    channels: Channels = None,
    preset: Preset = None,
    kernel: Kernel = None,
    widths: Widths = None,
    width_scale: WidthScale = None,
    conformer_seed: ConformerSeed = None,
    timeout: Timeout = None,
    dimension: Dimension = None,
    workers: Workers = 0,
) -> None:
    """Measure how well a model reconstructs the fields of molecules.

    Tells the peak signal-to-noise ratio over all places and over those where the exact field exceeds 1 % of its peak,
    each channel divided by its peak in the molecule, as means over molecules, in which 150 dB count at most; the errors
    of each channel; and for decoders that give atoms, how many molecules have the right ones. The exact field is that
    of the model's definition; for a model that knows channels alone, --channels, --preset and so on give it.

    Examples:

    tg-molfield evaluate --model run

    tg-molfield evaluate esol --model run/model.safetensors --split test --by scaffold -o esol.csv

    tg-molfield evaluate ligands.sdf.gz --refine 50
    """
    from tg_molfield.cli.data_sets.building import Reading
    from tg_molfield.cli.data_sets.opening import check_attributes
    from tg_molfield.cli.evaluate.data import Part, chosen
    from tg_molfield.cli.evaluate.measuring import Measure
    from tg_molfield.cli.evaluate.outputs import SUFFIXES, columns, summarize, write_table
    from tg_molfield.cli.models import load_model
    from tg_molfield.cli.no_effect import refuse
    from tg_molfield.cli.output_files import check_outputs
    from tg_molfield.cli.packages import check_tables
    from tg_molfield.structures import PROPERTIES

    paths = check_outputs(output, SUFFIXES, source or [])
    check_tables(paths)
    if points is None:
        refuse({"--seed": seed}, "--points", "nodes of a grid")
    else:
        refuse({"--nodes": nodes}, "a measurement at nodes", f"--points {points}")
    _check_counts(nodes, points, refine, batch_size)
    encoder = load_model(model)
    definition = _definition(encoder, model, definition_of(preset, channels, kernel, widths, width_scale))
    how = Reading(
        properties=" ".join(name for name in encoder.properties if name in PROPERTIES) or None,
        mol_field=definition if definition.attributes else None,
        options={
            "seed": conformer_seed,
            "timeout": timeout,
            "dimension": dimension,
            "workers": workers or None,
        },
        names={"seed": "--conformer-seed"},
    )
    part = Part(split, by, None if fractions is None else parsed_fractions(fractions), split_seed)
    with TemporaryDirectory() as folder:
        found = chosen(source or [], model, part, how, Path(folder))
        needed = {*encoder.properties, *definition.attributes, *(("part",) if definition.split_parts else ())}
        check_attributes(found.dataset[found.indices[0]], needed, found.described)
        began = time.monotonic()
        measure = Measure(encoder, definition, nodes or 32, points, seed or 0, refine)
        measured = _measured(measure, found, batch_size)
    where = f"{nodes or 32}³ nodes of the cube around each" if points is None else f"{points} points of each"
    say(f"{found.described}: {counted(len(measured), 'molecule')} at {where}, {time.monotonic() - began:.0f} s")
    summarize(measured, definition.channels)
    for path in paths:
        write_table(path, columns(measured, definition.channels))
        say(f"{path}: {counted(len(measured), 'molecule')}")


def _definition(encoder: FieldAutoEncoder, model: str, given: MolField | None) -> MolField:
    """The definition of the exact field.

    Raises:
        ValueError: there is none, there are two, or the channels differ.
    """
    own = encoder.mol_field
    if own is not None and given is not None:
        raise ValueError(
            f"--channels, --preset: expected none with {model}, which knows the definition of its field, got "
            f"{str(given)[:40]}; leave them out"
        )
    definition = given if own is None else own
    if definition is None:
        raise ValueError(
            f"--channels: expected the definition of the exact field for {model}, which knows channels alone, got "
            "none; give --channels, or --preset, and what else belongs to it"
        )
    if definition.channels != encoder.channels:
        raise ValueError(
            f"--channels: expected {' '.join(encoder.channels)}, those of the model, got "
            f"{' '.join(definition.channels)}; give the field that it was trained for"
        )
    return definition


def _measured(measure: Measure, found: Chosen, batch_size: int) -> list[Measured]:
    """The figures of all molecules."""
    from tg_molfield.nn import OutOfDomainWarning

    measured: list[Measured] = []
    total = len(found.indices)
    with progress(f"measuring {total:,} molecules") as show, warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfDomainWarning)
        for start in range(0, total, batch_size):
            part = found.indices[start : start + batch_size]
            measured += measure([(index, found.dataset[index]) for index in part])
            show(f"{len(measured):,} of {total:,} molecules", len(measured) / total)
    return measured


def _check_counts(nodes: int | None, points: int | None, refine: int, batch_size: int) -> None:
    check_counts(2, **{"--nodes": nodes})
    check_counts(1, **{"--points": points})
    check_counts(0, **{"--refine": refine})
    check_counts(1, **{"--batch-size": batch_size})
