"""``tg-molfield field``: the field of a molecule as volume files, pictures and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tg_molfield.cli.definition import Channels, Kernel, Preset, Widths, WidthScale, definition_of
from tg_molfield.cli.empty_channels import Empty, check_empty, empty_channels, omits_empty_channels
from tg_molfield.cli.field_files import (
    FieldFiles,
    Written,
    check_field_files,
    check_size,
    need_lattice,
    write_fields,
)
from tg_molfield.cli.models import MODEL_HELP
from tg_molfield.cli.options import Dimension, Level, Margin, Record, Selection, Timeout, Topology
from tg_molfield.cli.sampling import default_margin, grid_of, sampled
from tg_molfield.cli.sizes import Yes
from tg_molfield.cli.terminal import progress, say

if TYPE_CHECKING:
    from torch_geometric.data import Data


def field(
    structure: Annotated[
        str, typer.Argument(help="A structure file (xyz, sdf, mol, mol2, pdb, cif, xtc …), or a SMILES.")
    ],
    output: FieldFiles,
    channels: Channels = None,
    preset: Preset = None,
    kernel: Kernel = None,
    widths: Widths = None,
    width_scale: WidthScale = None,
    spacing: Annotated[float, typer.Option(help="The grid spacing in Å.")] = 0.25,
    margin: Margin = None,
    level: Level = None,
    color_by: Annotated[
        str | None,
        typer.Option(
            help="A predefined field (esp, mlp …) or a channel (logp …) that colours the surface on the page, which "
            "is then that of a field with one channel, such as --preset vdw."
        ),
    ] = None,
    color_range: Annotated[
        float | None,
        typer.Option(
            help="The absolute value at which the colours end.  \\[default: the 98th percentile on the surface]"
        ),
    ] = None,
    record: Record = None,
    dimension: Dimension = None,
    timeout: Timeout = None,
    topology: Topology = None,
    selection: Selection = None,
    model: Annotated[
        str | None,
        typer.Option(help=f"{MODEL_HELP} Its learned field is written instead of the exact one."),
    ] = None,
    empty: Empty = None,
    yes: Yes = False,
) -> None:
    """Write the field of a molecule as volumes, pictures or a page.

    A crystal or slab is sampled over its unit cell, a molecule in a box around its atoms.

    Examples:

    tg-molfield field caffeine.sdf -o caffeine.cube -o caffeine.png

    tg-molfield field "CC(=O)Oc1ccccc1C(=O)O" -o aspirin.html --channels "C O all"

    tg-molfield field aspirin.sdf -o aspirin.html --preset vdw --color-by esp

    tg-molfield field quartz.cif -o CHGCAR --preset promolecule

    tg-molfield field run.xtc --topology run.tpr --selection protein --record 100 -o frame.cube
    """
    from tg_molfield.cli.coloring import Coloring, described, require_one_channel
    from tg_molfield.cli.models import load_model
    from tg_molfield.cli.structure import has_bonds, load_structure, warn_of_missing_hydrogens
    from tg_molfield.fields import DistanceField, MolField

    check_field_files(output, level)
    if color_range is not None and color_by is None:
        raise ValueError(f"--color-range: expected --color-by with it, got {color_range}; leave it out")
    check_empty(empty, output)
    definition = definition_of(preset, channels, kernel, widths, width_scale, model) or MolField()
    named = channels is not None or preset is not None or model is not None
    learned = None if model is None else load_model(model)
    attributes = definition.attributes if learned is None else set(learned.properties)
    coloring = None if color_by is None else Coloring.of(color_by, color_range, output)
    if coloring is not None:
        shown = definition.channels if learned is None else learned.channels
        require_one_channel(shown, "give for example --preset vdw")
        attributes = attributes | coloring.definition.attributes
    with progress(f"reading {structure}"):
        loaded = load_structure(structure, attributes, record, dimension, timeout, topology, selection)
    data, title = loaded.data, loaded.title
    chosen = definition(data) if learned is None else learned.field(data)
    grid = grid_of(data, spacing, margin, default_margin(chosen, level, spacing))
    grid = grid.on_lattice() if need_lattice(output) else grid
    absent = empty_channels(chosen)
    left_out = {path: absent for path in output if omits_empty_channels(path, empty, named)}
    check_size(output, chosen, grid, yes, left_out)
    with progress(f"sampling {grid.num_nodes:,} nodes"):
        volume = sampled(chosen, grid)
    if not has_bonds(structure):
        warn_of_missing_hydrogens(data, volume.channels)
    if loaded.record:
        say(f"record {loaded.record}; --record chooses another")
    charges = f"{loaded.charges}, sum {_total_charge(data):.3f} e" if loaded.charges else ""
    if charges:
        say(f"partial charges: {charges}")
    surfaces = None
    if coloring is not None:
        quantity = described(None if learned is not None else definition, preset)
        with progress("colouring the surface"):
            surfaces = coloring.figure(volume, level, quantity, data, charges)
    position = 0.0 if isinstance(chosen, DistanceField) and not any(volume.periodic) else None
    note = f"Partial charges: {charges}." if charges else ""
    written = Written(volume, title, level=level, position=position, surfaces=surfaces, note=note, left_out=left_out)
    write_fields(written, output)


def _total_charge(data: Data) -> float:
    return round(float(data.partial_charge.sum()), 3) + 0.0  # never −0
