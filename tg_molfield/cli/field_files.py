"""The files that a field is written to: volumes, pictures and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tg_molfield.cli.output_files import check_places
from tg_molfield.cli.packages import check_pages
from tg_molfield.cli.sampling import nodes
from tg_molfield.cli.terminal import progress, say
from tg_molfield.cli.wording import worded

if TYPE_CHECKING:
    from tg_molfield.fields import Field, Grid, Volume

PICTURES = (".png", ".svg", ".pdf")

FieldFiles = Annotated[
    list[Path],
    typer.Option(
        "--output",
        "-o",
        help="The files to write: volumes (.cube, CHGCAR …), slices (.png, .svg, .pdf) or a page (.html).",
    ),
]


def check_field_files(paths: Sequence[Path], level: float | None) -> None:
    """Refuse files of other kinds or that cannot be written, and a level without a page to draw it on.

    Raises:
        ValueError: the message names the file or the option.
        OSError: a file is a folder, or its folder cannot be written to.
        ImportError: a page needs a package that is not installed.
    """
    from tg_molfield.volumes.registry import SUFFIXES, is_volume

    known = (*PICTURES, ".html", *SUFFIXES)
    for path in paths:
        if not path.name.lower().endswith((*PICTURES, ".html")) and not is_volume(path):
            raise ValueError(
                f"--output: expected a file with one of the suffixes {', '.join(known)}, got {path}; change the suffix"
            )
    check_places(paths)
    check_pages(paths)
    if level is not None and not any(path.suffix.lower() == ".html" for path in paths):
        raise ValueError(f"--level: expected an .html file with it, got {', '.join(map(str, paths))}; leave it out")


def need_lattice(paths: Sequence[Path]) -> bool:
    """Whether a file holds grids with nodes at whole steps from the origin alone."""
    from tg_molfield.volumes.registry import is_volume, needs_lattice

    return any(is_volume(path) and needs_lattice(path) for path in paths)


def check_size(
    paths: Sequence[Path],
    field: Field,
    grid: Grid,
    yes: bool,
    left_out: Mapping[Path, Sequence[str]] | None = None,
) -> None:
    """Refuse grids that do not fit in memory, and large files unless they are wanted.

    Args:
        paths: the files to write.
        field: what is sampled.
        grid: the nodes.
        yes: whether large files are wanted.
        left_out: the channels that are not written, by file.

    Raises:
        MemoryError: the values do not fit.
        ValueError: the volumes take over 500 MB, and are not wanted.
    """
    from tg_molfield.cli.sizes import refuse_large, volume_size
    from tg_molfield.memory import check_fits
    from tg_molfield.volumes.registry import is_volume

    values = len(field.channels) * grid.num_nodes
    remedy = "give a larger --spacing or fewer --channels"
    check_fits("--spacing", f"{nodes(grid)} of {len(field.channels)} channels", values * field.dtype.itemsize, remedy)
    written = {path: len(field.channels) - len((left_out or {}).get(path, ())) for path in paths if is_volume(path)}
    sizes = {
        path.name: volume_size(path, count * grid.num_nodes, field.dtype.itemsize) for path, count in written.items()
    }
    refuse_large(sizes, yes, remedy)


def check_held(path: Path, channels: int, like: Volume | None = None) -> None:
    """Refuse a volume that the file ``path`` cannot hold, before anything is written.

    Args:
        path: the file.
        channels: their number.
        like: a volume with the same periods, and with atoms where there are some; that of a molecule if None.

    Raises:
        ValueError: the format cannot hold it.
    """
    from tg_molfield.volumes.registry import check_holds

    with worded({"with Grid.from_cell(data.cell, shape)": "without --margin"}):
        if like is None:
            check_holds(path, channels, (False, False, False), True)
        else:
            check_holds(path, channels, like.periodic, like.atoms is not None)


@dataclass(frozen=True)
class Written:
    """What is written and shown.

    Attributes:
        volume: the field.
        title: of the page.
        truth: the field that it is compared with in pictures and on the page, if there is one.
        level: of isosurfaces, as in `plot_surfaces`.
        position: of slices, as in `plot_slices`.
        surfaces: a figure and its caption in place of isosurfaces.
        note: a sentence below isosurfaces on the page.
        facts: figures at the head of the page.
        left_out: the empty channels that are not written, by volume file.
    """

    volume: Volume
    title: str
    truth: Volume | None = None
    level: float | None = None
    position: float | None = None
    surfaces: tuple[Any, str] | None = None
    note: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)
    left_out: Mapping[Path, Sequence[str]] = field(default_factory=dict)


def write_fields(written: Written, paths: Sequence[Path]) -> None:
    """Write a field in the formats that the suffixes name, and say so.

    Raises:
        ValueError: a format cannot hold it; nothing is written then.
    """
    from tg_molfield.viz.inputs import chosen_channels
    from tg_molfield.volumes.registry import is_volume

    volume = written.volume
    kept = {path: [name for name in volume.channels if name not in written.left_out.get(path, ())] for path in paths}
    for path in filter(is_volume, paths):
        check_held(path, len(kept[path]), volume)
    for path in paths:
        drawn = path.suffix.lower() in (*PICTURES, ".html")
        names = tuple(kept[path])
        if drawn:
            names = chosen_channels(volume if written.truth is None else written.truth, None)
        with progress(f"writing {path.name}"):
            files = [path]
            if drawn:
                _draw(written, path)
            else:
                files = volume[names].save(path)
        empty = [name for name in volume.channels if name not in names]
        remedy = "" if drawn else "; --empty writes them too"
        note = f" ({' '.join(empty)} left out as empty{remedy})" if empty else ""
        say(f"{', '.join(map(str, files))}: {nodes(volume.grid)}, channels {' '.join(names)}{note}")


def _draw(written: Written, path: Path) -> None:
    from tg_molfield.viz import field_page, plot_slices, save_figure

    shown = _fields(written)
    if path.suffix.lower() == ".html":
        page = field_page(
            written.title,
            shown,
            facts=written.facts,
            level=written.level,
            position=written.position,
            surfaces=written.surfaces,
            note=written.note,
        )
        page.save(path)
    else:
        save_figure(plot_slices(shown, position=written.position, difference=written.truth is not None), path)


def _fields(written: Written) -> Volume | dict[str, Volume]:
    """The field, or where there is a truth, that first, both by name."""
    if written.truth is None:
        return written.volume
    return {"exact": written.truth, "reconstructed": written.volume}
