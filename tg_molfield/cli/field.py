"""``tg-molfield field``: the field of a molecule as volume files, pictures and pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from tg_molfield.fields import Field, Volume

_PICTURES = (".png", ".svg", ".pdf")


def field(
    structure: Annotated[str, typer.Argument(help="A structure file (xyz, sdf, mol, mol2, pdb, cif …), or a SMILES.")],
    output: Annotated[
        list[Path],
        typer.Option(
            "--output",
            "-o",
            help="What to write; the suffix decides: .cube or .npz volumes, .png .svg .pdf slices, .html page.",
        ),
    ],
    channels: Annotated[
        str, typer.Option(help="Elements, 'other', 'all', element properties, or per-atom properties by name.")
    ] = "H C N O F P S Cl other",
    kernel: Annotated[str, typer.Option(help="The shape of an atom's contribution.")] = "gaussian",
    widths: Annotated[
        str, typer.Option(help="What widths are made of: an element property or a number in Å.")
    ] = "vdw_radius",
    width_scale: Annotated[float, typer.Option(help="The factor from there to σ.")] = 0.5,
    spacing: Annotated[float, typer.Option(help="Distance of neighbouring nodes in Å.")] = 0.25,
    margin: Annotated[float, typer.Option(help="Distance from the outermost atoms to the border in Å.")] = 4.0,
    record: Annotated[int, typer.Option(help="Which record or model of the file, counted from 1.")] = 1,
    model: Annotated[
        Path | None, typer.Option(help="A saved FieldAutoEncoder: write its learned field instead of the exact one.")
    ] = None,
) -> None:
    """The field of a molecule, written as volumes, pictures or a page.

    Examples:

    tg-molfield field caffeine.sdf -o caffeine.cube -o caffeine.png

    tg-molfield field "CC(=O)Oc1ccccc1C(=O)O" -o aspirin.html --channels "C O all"
    """
    from tg_molfield.fields import Grid

    data = _molecule(structure, record, channels)
    chosen = _learned(data, model) if model is not None else _exact(data, channels, kernel, widths, width_scale)
    volume = chosen.on(Grid.around(data.pos, spacing, margin))
    console = Console()
    for path in output:
        _write(volume, path, Path(structure).name)
        shape = "×".join(map(str, volume.grid.shape))
        console.print(f"{path}: {shape} nodes, channels {' '.join(volume.channels)}", highlight=False)


def _molecule(structure: str, record: int, channels: str) -> Data:
    from tg_molfield.convert import RDKIT_PROPERTIES, from_smiles, read

    properties = [name for name in channels.replace(",", " ").split() if name in RDKIT_PROPERTIES]
    if not Path(structure).exists() and "." not in Path(structure).name[-6:]:
        return from_smiles(structure, properties=properties)
    records = read(structure, properties=properties) if properties else read(structure)
    if not 1 <= record <= len(records):
        raise ValueError(f"--record {record}: {structure} has {len(records)} records, counted from 1")
    return records[record - 1]


def _exact(data: Data, channels: str, kernel: str, widths: str, width_scale: float) -> Field:
    from tg_molfield.fields import MolField

    try:
        constant: str | float = float(widths)
    except ValueError:
        constant = widths
    return MolField(channels, kernel=kernel, widths=constant, width_scale=width_scale)(data)


def _learned(data: Data, model: Path) -> Field:
    from tg_molfield.nn import FieldAutoEncoder

    return FieldAutoEncoder.load(model).eval().field(data)


def _write(volume: Volume, path: Path, title: str) -> None:
    suffix = path.suffix.lower()
    if suffix in _PICTURES:
        from tg_molfield.viz import plot_slices, save_figure

        save_figure(plot_slices(volume), path)
    elif suffix == ".html":
        from tg_molfield.viz import Page, plot_slices, plot_surfaces

        page = Page(title)
        page.figure(plot_surfaces(volume), "Isosurfaces")
        page.figure(plot_slices(volume), "Slices")
        page.save(path)
    else:
        volume.save(path)
