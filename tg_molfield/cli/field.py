"""``tg-molfield field``: the field of a molecule as volume files, pictures and pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tg_molfield.cli.definition import Channels, Kernel, Preset, Widths, WidthScale, definition_of
from tg_molfield.cli.models import MODEL_HELP
from tg_molfield.cli.sizes import Yes
from tg_molfield.cli.terminal import progress, say

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from tg_molfield.fields import Field, Grid, Volume

_PICTURES = (".png", ".svg", ".pdf")
_FARTHEST = 20.0


def field(
    structure: Annotated[str, typer.Argument(help="A structure file (xyz, sdf, mol, mol2, pdb, cif …), or a SMILES.")],
    output: Annotated[
        list[Path],
        typer.Option(
            "--output",
            "-o",
            help="The files to write, by name: volumes (.cube, CHGCAR …), slices (.png, .svg, .pdf) or a page (.html).",
        ),
    ],
    channels: Channels = None,
    preset: Preset = None,
    kernel: Kernel = None,
    widths: Widths = None,
    width_scale: WidthScale = None,
    spacing: Annotated[float, typer.Option(help="The grid spacing in Å.")] = 0.25,
    margin: Annotated[
        float | None,
        typer.Option(
            help="The margin of the grid around the atoms in Å.  \\[default: 4, or more for a distance above 0; for a "
            "crystal, its unit cell instead]"
        ),
    ] = None,
    level: Annotated[
        float | None,
        typer.Option(help="The level of isosurfaces; 0.3 of the peak of each channel by default (vdw: 0)."),
    ] = None,
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
    record: Annotated[
        int | None, typer.Option(help="The record or model of the file, counted from 1.  \\[default: 1]")
    ] = None,
    dimension: Annotated[
        int | None,
        typer.Option(help="3 to take flat coordinates of an SDF or MOL file as a geometry, not a drawing."),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(help="The time limit for the conformer of a SMILES in seconds.  \\[default: 20]"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help=f"{MODEL_HELP} Its learned field is written instead of the exact one."),
    ] = None,
    yes: Yes = False,
) -> None:
    """Write the field of a molecule as volumes, pictures or a page.

    A crystal is sampled over its unit cell, a molecule in a box around its atoms.

    Examples:

    tg-molfield field caffeine.sdf -o caffeine.cube -o caffeine.png

    tg-molfield field "CC(=O)Oc1ccccc1C(=O)O" -o aspirin.html --channels "C O all"

    tg-molfield field aspirin.sdf -o aspirin.html --preset vdw --color-by esp

    tg-molfield field quartz.cif -o CHGCAR --preset promolecule
    """
    from tg_molfield.cli.coloring import Coloring, described, require_one_channel
    from tg_molfield.cli.models import load_model
    from tg_molfield.cli.structure import has_bonds, load_structure, warn_of_missing_hydrogens
    from tg_molfield.fields import DistanceField, MolField

    for path in output:
        _check_suffix(path)
    if level is not None and not any(path.suffix.lower() == ".html" for path in output):
        raise ValueError(f"--level: expected an .html file with it, got {', '.join(map(str, output))}; leave it out")
    if color_range is not None and color_by is None:
        raise ValueError(f"--color-range: expected --color-by with it, got {color_range}; leave it out")
    definition = definition_of(preset, channels, kernel, widths, width_scale, model) or MolField()
    learned = None if model is None else load_model(model)
    attributes = definition.attributes if learned is None else set(learned.properties)
    coloring = None if color_by is None else Coloring.of(color_by, color_range, output)
    if coloring is not None:
        shown = definition.channels if learned is None else learned.channels
        require_one_channel(shown, "give for example --preset vdw")
        attributes = attributes | coloring.definition.attributes
    with progress(f"reading {structure}"):
        loaded = load_structure(structure, attributes, record, dimension, timeout)
    data, title = loaded.data, loaded.title
    chosen = definition(data) if learned is None else learned.field(data)
    grid = _grid(data, spacing, margin, _default_margin(chosen, level, spacing))
    if any(map(_needs_lattice, output)):
        grid = grid.on_lattice()
    _refuse_large(output, chosen, grid, yes)
    with progress(f"sampling {grid.num_nodes:,} nodes"):
        volume = _sampled(chosen, grid)
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
    for path in output:
        with progress(f"writing {path.name}"):
            _write(volume, path, title, level, 0.0 if isinstance(chosen, DistanceField) else None, surfaces)
        say(f"{path}: {_nodes(volume.grid)}, channels {' '.join(volume.channels)}")


def _grid(data: Data, spacing: float, margin: float | None, default: float) -> Grid:
    """The unit cell of a crystal, unless a margin is given; else a box around the atoms."""
    from tg_molfield.fields import Grid

    if margin is None and "pbc" in data and bool(data.pbc.all()):
        return Grid.from_cell(data.cell, spacing=spacing)
    return Grid.around(data.pos, spacing, default if margin is None else margin)


def _nodes(grid: Grid) -> str:
    return f"{'×'.join(map(str, grid.shape))} nodes"


def _total_charge(data: Data) -> float:
    return round(float(data.partial_charge.sum()), 3) + 0.0  # never −0


def _default_margin(field: Field, level: float | None, spacing: float) -> float:
    """4 Å, or more for a surface at a distance ``level`` from the spheres of the atoms, up to 20 Å."""
    from tg_molfield.fields import DistanceField

    if not isinstance(field, DistanceField):
        return 4.0
    return max(4.0, float(field.base.widths.max()) + min(level or 0.0, _FARTHEST) + 2 * spacing)


def _sampled(field: Field, grid: Grid) -> Volume:
    try:
        return field.on(grid)
    except (RuntimeError, MemoryError) as error:
        if "memory" not in str(error) and not isinstance(error, MemoryError):
            raise
        raise MemoryError(
            f"--spacing: expected a grid that fits in memory, got {_nodes(grid)} of {len(field.channels)} channels; "
            "give a larger spacing, a smaller margin or fewer channels"
        ) from error


def _check_suffix(path: Path) -> None:
    from tg_molfield.volumes.registry import SUFFIXES, is_volume

    known = (*_PICTURES, ".html", *SUFFIXES)
    if not path.name.lower().endswith((*_PICTURES, ".html")) and not is_volume(path):
        raise ValueError(
            f"--output: expected a file with one of the suffixes {', '.join(known)}, got {path}; change the suffix"
        )


def _refuse_large(output: list[Path], field: Field, grid: Grid, yes: bool) -> None:
    from tg_molfield.cli.sizes import refuse_large, volume_size
    from tg_molfield.memory import check_fits
    from tg_molfield.volumes.registry import is_volume

    values = len(field.channels) * grid.num_nodes
    remedy = "give a larger --spacing or fewer --channels"
    check_fits("--spacing", f"{_nodes(grid)} of {len(field.channels)} channels", values * field.dtype.itemsize, remedy)
    sizes = {path.name: volume_size(path, values, field.dtype.itemsize) for path in output if is_volume(path)}
    refuse_large(sizes, yes, remedy)


def _needs_lattice(path: Path) -> bool:
    from tg_molfield.volumes.registry import is_volume, needs_lattice

    return is_volume(path) and needs_lattice(path)


def _write(
    volume: Volume,
    path: Path,
    title: str,
    level: float | None,
    position: float | None,
    surfaces: tuple[Any, str] | None,
) -> None:
    suffix = path.suffix.lower()
    if suffix in _PICTURES:
        from tg_molfield.viz import plot_slices, save_figure

        save_figure(plot_slices(volume, position=position), path)
    elif suffix == ".html":
        from tg_molfield.viz import Page, plot_slices, plot_surfaces

        page = Page(title)
        page.figure(*surfaces or (plot_surfaces(volume, levels=level), "Isosurfaces"))
        page.figure(plot_slices(volume, position=position), "Slices")
        page.save(path)
    else:
        volume.save(path)
