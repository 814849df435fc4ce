"""The command ``tg-molfield build``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tg_molfield.cli.data_sets.failures import tell_failed
from tg_molfield.cli.data_sets.options import (
    Hetero,
    Kind,
    Labels,
    Pocket,
    Properties,
    Selection,
    Start,
    Stop,
    Stride,
    Table,
    Topology,
    Waters,
    Whole,
)
from tg_molfield.cli.definition import Channels, Preset, definition_of
from tg_molfield.cli.options import Cluster, Conformers, Dimension, Seed, Timeout, Workers
from tg_molfield.cli.terminal import say
from tg_molfield.cli.wording import counted

if TYPE_CHECKING:
    from tg_molfield.datasets import MoleculeFields

_NOUNS = {"ComplexFields": ("complex", "complexes"), "EnsembleFields": ("frame", "frames")}


def build(
    source: Annotated[
        list[str],
        typer.Argument(
            help="Files of molecules (csv with a column smiles, smi, sdf, mol2, xyz, pdb …; also .gz), a folder of "
            "them, a folder or table of complexes, trajectories; or freesolv or qm9."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")],
    kind: Kind = None,
    labels: Labels = None,
    properties: Properties = None,
    channels: Channels = None,
    preset: Preset = None,
    conformers: Conformers = None,
    seed: Seed = None,
    timeout: Timeout = None,
    dimension: Dimension = None,
    local: Annotated[
        Path | None, typer.Option(help="A local copy of freesolv or qm9, which is then not downloaded.")
    ] = None,
    pocket: Pocket = None,
    waters: Waters = None,
    hetero: Hetero = None,
    table: Table = None,
    topology: Topology = None,
    selection: Selection = None,
    start: Start = None,
    stop: Stop = None,
    stride: Stride = None,
    whole: Whole = None,
    workers: Workers = 0,
    cluster: Cluster = None,
    force: Annotated[bool, typer.Option("--force", help="Start over: build again what the folder has.")] = False,
) -> None:
    """Build a data set of molecules, complexes or frames in a folder, for train, evaluate, embed and Python.

    It holds atoms, labels and properties, not fields: --channels or --preset name a field whose properties are
    computed. Molecules that fail are listed, with the reason, in processed/failed.csv in the folder, and the others are
    kept. An interrupted build goes on when the same command is given again.

    Examples:

    tg-molfield build esol.csv -o esol --labels logS --workers 8

    tg-molfield build ligands.sdf.gz more.sdf -o ligands --preset esp

    tg-molfield build refined-set -o pockets --kind complexes --pocket 6

    tg-molfield build freesolv -o freesolv --local freesolv.sdf.gz
    """
    from tg_molfield.cli.data_sets.building import Reading, built
    from tg_molfield.datasets import MoleculeFields

    definition = definition_of(preset, channels)
    options = {
        "labels": labels or None,
        "conformers": conformers,
        "seed": seed,
        "timeout": timeout,
        "dimension": dimension,
        "pocket": pocket,
        "waters": waters,
        "hetero": hetero,
        "table": table,
        "topology": topology,
        "selection": selection,
        "start": start,
        "stop": stop,
        "stride": stride,
        "whole": whole,
        "workers": workers or None,
        "cluster": cluster,
    }
    how = Reading(options, properties, definition, kind)
    began = time.monotonic()
    before = not force and MoleculeFields.is_complete(output)
    try:
        dataset = built(source, output, how, local, force)
    except KeyboardInterrupt as stop:
        stop.args = ("the same command goes on where it was",)
        raise
    _report(dataset, output, "built before" if before else f"{time.monotonic() - began:.0f} s")


def _report(dataset: MoleculeFields, output: Path, when: str) -> None:
    labels = f", labels {', '.join(dataset.labels)}" if dataset.labels else ""
    noun, nouns = _NOUNS.get(type(dataset).__name__, ("molecule", "molecules"))
    say(f"{output}: {counted(len(dataset), noun, nouns)}{labels}, {when}")
    tell_failed(dataset)
