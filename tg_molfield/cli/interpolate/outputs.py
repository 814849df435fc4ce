"""The table, the page and the summary that ``tg-molfield interpolate`` writes."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tg_molfield.cli.interpolate.morphs import tell_of_atoms
from tg_molfield.cli.interpolate.steps import meaning_of_labels
from tg_molfield.files import atomic_write

if TYPE_CHECKING:
    from tg_molfield.fields import Volume
    from tg_molfield.paths import FieldPath, PathMetrics
    from tg_molfield.viz import Page

_MAX_ATOMS_WITH_HYDROGEN = 80
_MAX_NODES_OF_PAGE = 1_200_000
_MAX_NODES_OF_VOLUME = 44**3
PATTERNS = ("step_*", "path.csv", "path.html", "path.sdf", "path.xyz", "atoms.csv")
"""The names of all that the command writes, by whatever options."""
HEADERS = ("frame", "integral drift", "atoms found", "RMSD, Å", "shortest contact, Å", "bond drift, Å")

Row = tuple[object, ...]


def table_rows(labels: Sequence[str], metrics: Sequence[PathMetrics]) -> list[Row]:
    """One row for each step, in the order of the headers."""
    return [
        (
            label,
            f"{one.integral_drift:.1e}",
            "all" if one.atoms_found else "not all",
            f"{one.rmsd:.1e}",
            one.shortest_contact,
            one.bond_drift,
        )
        for label, one in zip(labels, metrics, strict=True)
    ]


def write_table(path: Path, rows: Sequence[Row], headers: Sequence[str]) -> None:
    """Write the rows and their headers as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([headers, *rows])
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())


def summary(metrics: Sequence[PathMetrics]) -> str:
    """The worst values along the path, in one sentence."""
    at_ends = min(metrics[0].shortest_contact, metrics[-1].shortest_contact)
    return (
        f"largest drift of an integral {max(one.integral_drift for one in metrics):.1e}; all atoms found in "
        f"{sum(one.atoms_found for one in metrics)} of {len(metrics)} steps; shortest contact {_contact(at_ends)} at "
        f"the ends, {_contact(min(one.shortest_contact for one in metrics))} along the path; largest drift of a bond "
        f"{max(one.bond_drift for one in metrics):.3f} Å"
    )


def _contact(distance: float) -> str:
    return f"{distance:.2f} Å" if math.isfinite(distance) else "none within 4 Å"


def thinned_for_page(volume: Volume, count: int) -> Volume:
    """The volume, coarse enough for a page with ``count`` volumes."""
    from tg_molfield.viz.thinning import thinned

    return thinned(volume, min(_MAX_NODES_OF_VOLUME, _MAX_NODES_OF_PAGE // count)).with_atoms(volume.atoms)


def path_page(
    path: FieldPath,
    files: Sequence[Path],
    blind: bool,
    volumes: dict[str, Volume],
    rows: Sequence[Row],
    headers: Sequence[str],
    numbers: Sequence[int],
) -> Page:
    """The page with a slider over ``volumes``, by label, and the table of ``rows`` if there are any.

    Args:
        path: the path.
        files: the files that it is from.
        blind: whether it sees no atoms.
        volumes: the steps by label.
        rows: the quality of the steps.
        headers: of the rows.
        numbers: those of the frames, from 1.
    """
    from tg_molfield.viz import Page, interactive_animation

    first = next(iter(volumes.values()))
    drawn = [name for name in first.channels if name != "H" or len(path.z) <= _MAX_ATOMS_WITH_HYDROGEN]
    source = "the volumes of the frames, not their atoms" if blind else "the frames"
    told = f"{len(path.times)} frames, {path.kind} path through {source}"
    if path.match is not None:
        told = (
            f"morph between two molecules, {path.kind} path" if path.is_morph else f"{told}, the last laid on the first"
        )
    page = Page(", ".join(file.name for file in files), told)
    left_out = (
        f" The surface of H is left out, as of all paths with more than {_MAX_ATOMS_WITH_HYDROGEN} atoms; the volumes "
        "have this channel."
    )
    surfaces = interactive_animation(volumes, drawn or None)
    page.figure(
        surfaces,
        f"Isosurfaces, at 0.3 of the peak of each channel at first. {meaning_of_labels(path, numbers)}"
        f"{left_out if len(drawn) < len(first.channels) else ''}{surfaces.note}",
    )
    if path.is_morph:
        tell_of_atoms(page, path)
    if rows:
        page.heading("Quality of each step", "measured on the volumes that were written")
        page.table(rows, headers)
    return page
