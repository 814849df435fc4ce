"""`field_page`: a field as surfaces and slices on a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tg_molfield.fields.volume import Volume
from tg_molfield.viz.definitions import described
from tg_molfield.viz.inputs import chosen_channels
from tg_molfield.viz.interactive import interactive_surfaces
from tg_molfield.viz.page import Page
from tg_molfield.viz.slices import plot_slices
from tg_molfield.viz.tables import Cell


def field_page(
    title: str,
    volumes: Volume | Mapping[str, Volume],
    *,
    facts: Mapping[str, Cell] | None = None,
    level: float | None = None,
    position: float | None = None,
    surfaces: tuple[Any, str] | None = None,
    note: str = "",
) -> Page:
    """A page with the isosurfaces and the slices of a field.

    Args:
        title: title of the page.
        volumes: the field; or several by name, of which slices show the differences from the first.
        facts: a few values by name, at the head of the page.
        level: of isosurfaces, as in `plot_surfaces`.
        position: of slices, as in `plot_slices`.
        surfaces: a figure and its caption in place of isosurfaces; left out for grids with one node along an axis.
        note: a sentence at the end of the caption of isosurfaces.

    Raises:
        ImportError: plotly or scikit-image is missing.
    """
    page = Page(title)
    if facts:
        page.facts(facts)
    several = isinstance(volumes, Mapping) and len(volumes) > 1
    first = next(iter(volumes.values())) if isinstance(volumes, Mapping) else volumes
    if surfaces is not None:
        page.figure(*surfaces)
    elif min(first.grid.shape) > 1:
        drawn = interactive_surfaces(volumes, levels=level, difference=several, visible=_visible(first))
        page.figure(drawn, f"Isosurfaces. {described(first)}{drawn.note} {note}".rstrip())
    slices = [
        plot_slices(volumes, name, position=position, difference=several) for name in chosen_channels(first, None)
    ]
    return page.figure(slices, f"Slices. {described(first)}")


def _visible(volume: Volume) -> list[str] | None:
    """Of a ligand and a protein, the ligand's channels, which the protein's would hide."""
    return [name for name in chosen_channels(volume, None) if name.startswith("ligand.")] or None
