"""The command ``tg-molfield build``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tg_molfield.cli.data_sets.options import (
    Cluster,
    Conformers,
    ConformerSeed,
    Dimension,
    Labels,
    Properties,
    Timeout,
    Workers,
)
from tg_molfield.cli.definition import Channels, Preset, definition_of
from tg_molfield.cli.terminal import say, say_table
from tg_molfield.cli.wording import counted

if TYPE_CHECKING:
    from tg_molfield.datasets import MoleculeFields

_SHOWN = 10


def build(
    source: Annotated[
        list[str],
        typer.Argument(
            help="Files of molecules (csv with a column smiles, smi, sdf, mol2, xyz, pdb …; also .gz), a folder of "
            "them, or freesolv or qm9."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the data set.")],
    labels: Labels = None,
    properties: Properties = None,
    channels: Channels = None,
    preset: Preset = None,
    conformers: Conformers = None,
    seed: ConformerSeed = None,
    timeout: Timeout = None,
    dimension: Dimension = None,
    local: Annotated[
        Path | None, typer.Option(help="A local copy of freesolv or qm9, which is then not downloaded.")
    ] = None,
    workers: Workers = 0,
    cluster: Cluster = None,
    force: Annotated[bool, typer.Option("--force", help="Build again what the folder has.")] = False,
) -> None:
    """Build a data set of molecules in a folder, for train, evaluate and Python.

    It holds atoms, labels and properties, not fields: --channels or --preset name a field whose properties are
    computed. Molecules that fail are listed, with the reason, in processed/failed.csv in the folder, and the others are
    kept. An interrupted build goes on when the same command is given again.

    Examples:

    tg-molfield build esol.csv -o esol --labels logS --workers 8

    tg-molfield build ligands.sdf.gz more.sdf -o ligands --preset esp

    tg-molfield build freesolv -o freesolv --local freesolv.sdf.gz
    """
    from tg_molfield.cli.data_sets.building import Reading, built
    from tg_molfield.datasets import MoleculeFields

    definition = definition_of(preset, channels)
    how = Reading(labels, properties, definition, conformers, seed, timeout, dimension, workers, cluster)
    began = time.monotonic()
    before = not force and MoleculeFields.is_complete(output)
    try:
        dataset = built(source, output, how, local, force)
    except KeyboardInterrupt as stop:
        stop.args = ("the same command goes on where it was",)
        raise
    _report(dataset, output, "built before" if before else f"{time.monotonic() - began:.0f} s")


def _report(dataset: MoleculeFields, output: Path, when: str) -> None:
    from tg_molfield.cli.compare.outputs import printed_table

    labels = f", labels {', '.join(dataset.labels)}" if dataset.labels else ""
    say(f"{output}: {counted(len(dataset), 'molecule')}{labels}, {when}")
    failed = dataset.failed
    if failed:
        rows = [(one.file, one.record, one.title, one.reason) for one in failed[:_SHOWN]]
        say_table(printed_table(("file", "record", "name", "reason"), rows))
        table = Path(dataset.processed_dir) / "failed.csv"
        say(f"{table}: {counted(len(failed), 'record')} failed")
