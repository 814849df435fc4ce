"""``tg-molfield interpolate``: the fields between the frames of a file as volumes, a table and an animated page."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from tg_molfield.fields import Volume
    from tg_molfield.paths import FieldPath, PathMetrics

_MOST_ATOMS_WITH_HYDROGEN = 80
_NODES_OF_PAGE = 1_200_000
_FINEST_OF_PAGE = 44**3
_HEADERS = ("at", "integral drift", "atoms found", "RMSD of them, Å", "nearest atoms, Å", "bond drift, Å")


def interpolate(
    files: Annotated[
        list[Path],
        typer.Argument(help="A file of several frames or models (pdb, xyz, sdf …), several structures, or volumes."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")],
    frames: Annotated[
        list[int] | None, typer.Option(help="Which frames to go through, counted from 1; all by default.")
    ] = None,
    every: Annotated[int, typer.Option(help="Of those, take every so many.")] = 1,
    steps: Annotated[int, typer.Option(help="How many steps from the first frame to the last.")] = 20,
    kind: Annotated[
        str, typer.Option(help="'spline' for frames in sequence, 'arap' for conformers far apart, or 'auto'.")
    ] = "auto",
    blind: Annotated[
        bool, typer.Option("--blind", help="See the volumes of the frames only, not their atoms.")
    ] = False,
    channels: Annotated[str | None, typer.Option(help="Element channels; the elements there are by default.")] = None,
    spacing: Annotated[float, typer.Option(help="Distance of neighbouring nodes in Å.")] = 0.5,
    margin: Annotated[float, typer.Option(help="Distance from the outermost atoms to the border in Å.")] = 4.0,
    suffix: Annotated[str, typer.Option("--format", help="Of the volumes: cube, dx, ccp4 or npz.")] = "cube",
    check: Annotated[bool, typer.Option(help="Find the atoms back at every step and check bonds and contacts.")] = True,
) -> None:
    """Fields between frames: a trajectory, an ensemble, or two conformers.

    Writes a volume for every step (step_000.cube, …), path.html with a slider, and path.csv: how far the integral of a
    channel drifts, whether all atoms are found back from the volume, the nearest atoms that are not bonded, and how far
    bonds leave the lengths that they have in the frames.

    Examples:

    tg-molfield interpolate 1l2y.pdb --frames 1 7 --output path

    tg-molfield interpolate trajectory.xyz --every 8 --steps 50 --output path --format npz
    """
    import torch

    from tg_molfield.fields import Grid
    from tg_molfield.files import atomic_write
    from tg_molfield.paths import path_metrics
    from tg_molfield.volumes.registry import SUFFIXES

    ending = "." + suffix.lstrip(".").lower()
    if ending not in SUFFIXES:
        raise ValueError(f"--format {suffix}: no volumes are written so; use one of {', '.join(SUFFIXES)}")
    if steps < 1 or every < 1:
        raise ValueError(f"--steps {steps} --every {every}: must be at least 1")
    path = _path(files, frames, every, kind, blind, channels, spacing, margin)
    times = torch.linspace(float(path.times[0]), float(path.times[-1]), steps + 1, dtype=torch.float64).tolist()
    molecules = [path.data(time) for time in times]
    grid = Grid.around(torch.cat([one.pos for one in molecules]), spacing, margin)
    labels = [f"{time + 1:g}" for time in times]
    shown: dict[str, Volume] = {}
    points: list[PathMetrics] = []
    console = Console()
    output.mkdir(parents=True, exist_ok=True)
    for number, (time, label, data) in enumerate(zip(times, labels, molecules, strict=True)):
        volume = path.field(time).on(grid)
        volume.save(output / f"step_{number:03d}{ending}")
        shown[label] = _for_page(volume, len(molecules))
        if check:
            before, _ = path.neighbors(time)
            ends = [path.data(float(path.times[frame])) for frame in (before, before + 1)]
            points.append(path_metrics(data, ends, path.mol_field, volume))
    rows = [(label, *_row(point)) for label, point in zip(labels, points, strict=False)]
    _page(path, files, blind, shown, rows).save(output / "path.html")
    if rows:
        with atomic_write(output / "path.csv") as stream:
            stream.write(_table(rows))
    console.print(f"{path}", highlight=False, markup=False)
    console.print(
        f"wrote {output}/: {len(times)} volumes, path.html{', path.csv' * check}", highlight=False, markup=False
    )
    if points:
        console.print(_summary(points), highlight=False)


def _path(
    files: Sequence[Path],
    chosen: list[int] | None,
    every: int,
    kind: str,
    blind: bool,
    channels: str | None,
    spacing: float,
    margin: float,
) -> FieldPath:
    import torch

    from tg_molfield.chem.elements import symbols
    from tg_molfield.fields import Grid, MolField, Volume
    from tg_molfield.files import format_suffix
    from tg_molfield.paths import FieldPath
    from tg_molfield.structures import read
    from tg_molfield.volumes.registry import SUFFIXES

    if all(format_suffix(file) in SUFFIXES for file in files):
        volumes = _chosen([Volume.read(file) for file in files], chosen, every)
        return FieldPath.from_fields(volumes, MolField(channels or volumes[0].channels), kind=kind)
    frames: list[Data] = _chosen([frame for file in files for frame in read(file)], chosen, every)
    elements = torch.cat([frame.z for frame in frames]).unique().tolist()
    mol_field = MolField(channels or [symbols()[z] for z in elements])
    if not blind:
        return FieldPath(frames, mol_field, kind=kind)
    grid = Grid.around(torch.cat([frame.pos for frame in frames]), spacing, margin)
    return FieldPath.from_fields([mol_field(frame).on(grid) for frame in frames], mol_field, kind=kind)


def _chosen(frames: list[Any], chosen: list[int] | None, every: int) -> list[Any]:
    for number in chosen or ():
        if not 1 <= number <= len(frames):
            raise ValueError(f"--frames {number}: there are {len(frames)} frames, counted from 1")
    frames = [frames[number - 1] for number in chosen] if chosen else frames
    if len(frames[::every]) < 2:
        raise ValueError(
            f"files: hold {len(frames)} frames, of which {len(frames[::every])} are taken; give at least 2"
        )
    return frames[::every]


def _for_page(volume: Volume, count: int) -> Volume:
    """The volume as coarse as a page of ``count`` of them allows."""
    from tg_molfield.viz.meshes import thinned

    return thinned(volume, min(_FINEST_OF_PAGE, _NODES_OF_PAGE // count)).with_atoms(volume.atoms)


def _row(point: PathMetrics) -> tuple[object, ...]:
    found = "all" if point.found else "not all"
    return f"{point.integral_drift:.1e}", found, f"{point.rmsd:.1e}", point.nearest, point.bond_drift


def _table(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_HEADERS, *rows])
    return text.getvalue().encode()


def _summary(points: Sequence[PathMetrics]) -> str:
    ends = min(points[0].nearest, points[-1].nearest)
    return (
        f"integrals drift by {max(point.integral_drift for point in points):.1e} at most; all atoms found back in "
        f"{sum(point.found for point in points)} of {len(points)} steps; nearest atoms {ends:.2f} Å at the ends, "
        f"{min(point.nearest for point in points):.2f} Å on the way; bonds drift by "
        f"{max(point.bond_drift for point in points):.3f} Å at most"
    )


def _page(path: FieldPath, files: Sequence[Path], blind: bool, shown: dict[str, Volume], rows: list[Any]) -> Any:
    from tg_molfield.viz import Page, animate_surfaces

    first = next(iter(shown.values()))
    drawn = [name for name in first.channels if name != "H" or len(path.z) <= _MOST_ATOMS_WITH_HYDROGEN]
    seen = "the volumes of the frames, not their atoms" if blind else "the frames"
    page = Page(
        f"{', '.join(file.name for file in files)}", f"{len(path.times)} frames, {path.kind} path through {seen}"
    )
    page.figure(
        animate_surfaces(shown, drawn or None),
        "Surfaces at 0.3 of each channel's peak. Whole numbers are the frames taken, counted from 1.",
    )
    if rows:
        page.heading("Checks of every step", "on the volumes that were written")
        page.table(rows, _HEADERS)
    return page
