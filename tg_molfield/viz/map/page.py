"""`map_page`: the codes of many molecules as a map."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tg_molfield.arguments import as_list, as_names, check_seed
from tg_molfield.display.colors import CATEGORIES, SEQUENTIAL
from tg_molfield.files import shortened
from tg_molfield.viz.map.columns import LONGEST, as_columns
from tg_molfield.viz.map.drawings import drawings
from tg_molfield.viz.map.projection import PROJECTIONS, Projection, check_codes, project
from tg_molfield.viz.page import Page, packed, resource
from tg_molfield.viz.tables import Cell

MAX_MOLECULES = 20_000
"""Largest number of molecules on a map, which take 7 MB and half a minute."""

_DIGITS = 7
"""Digits of the largest coordinates: enough for a zoom of 2000."""
_HOW_TO_READ = (
    "Each point is a molecule; molecules with like codes lie near each other. Point at one to see it, click it to keep "
    "it in view. Drag to move the map, turn the wheel, pinch or use + and − to zoom. With the keyboard: arrow keys go "
    "from molecule to molecule, with Shift they move the map, 0 shows all of it, Escape lets go of a molecule."
)


def map_page(
    title: str,
    codes: Tensor,
    molecules: Sequence[Any] | None = None,
    *,
    names: Sequence[str] | None = None,
    properties: Mapping[str, Any] | None = None,
    units: Mapping[str, str] | None = None,
    projections: str | Sequence[str] = "pca",
    color: str | None = None,
    seed: int = 0,
    subtitle: str = "",
    facts: Mapping[str, Cell] | None = None,
) -> Page:
    """A page with the codes of molecules as points in a plane, each with its drawing, coloured by any property.

    Args:
        title: title of the page.
        codes: ``[M, D]``, such as the summaries of `FieldAutoEncoder.embed`, or coordinates in a plane, ``[M, 2]``.
        molecules: M SMILES or RDKit molecules (structural formulas), or ``Data`` or `AtomList` (atoms where they are);
            None for those without a drawing.
        names: M names; by default the SMILES, or the names of the ``Data``.
        properties: columns of M numbers or words, by name; None and NaN are missing values.
        units: units of properties, by name.
        projections: ``"pca"``, ``"umap"`` (needs umap-learn, extra ``maps``) or both, of which the page shows one.
        color: the property that colours the points at first; by default the first of numbers or categories
            that does not count them.
        seed: of UMAP, and of the choice among more than ``MAX_MOLECULES`` molecules, about which a warning tells.
        subtitle: a line below the title.
        facts: a few values by name, above the map.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: there are no codes, or they are not finite; lengths differ; a projection is unknown.
        KeyError: ``color`` or a unit names no property.
        ImportError: umap-learn is missing.
    """
    points = check_codes(codes)
    check_seed(seed)
    drawn = _checked("molecules", molecules, len(points))
    called = _checked("names", names, len(points)) or _names(drawn, len(points))
    chosen = as_names("projections", projections)
    if not chosen:
        raise ValueError(f"projections: expected at least one of {', '.join(PROJECTIONS)}, got none; give 'pca'")
    columns = dict(properties or {})
    kept = _sample(len(points), seed)
    svgs, heavy = drawings([drawn[row] for row in kept] if drawn else [])
    shown = as_columns(columns, units or {}, len(points))
    for column in shown:
        for part in ("values", "codes"):
            if part in column:
                column[part] = [column[part][row] for row in kept]
    if any(count is not None for count in heavy) and "heavy atoms" not in columns:
        shown.append({"name": "heavy atoms", "unit": "", "kind": "number", "values": heavy})
    data = {
        "names": [shortened(str(called[row]), LONGEST) for row in kept],
        "svgs": svgs,
        "columns": shown,
        "color": _first_color(shown, color),
        "projections": [_packed(project(points[kept], name, seed)) for name in chosen],
        "colors": {"numbers": SEQUENTIAL, "categories": CATEGORIES},
    }
    page = Page(title, subtitle)
    if facts:
        page.facts(facts)
    if len(kept) < len(points):
        page.text(f"The map shows {len(kept)} of {len(points)} molecules, drawn at random (seed {seed}).")
    markup = f'<div class="map">{resource(__package__, "map.html")}{packed(data)}</div>'
    script, style = resource(__package__, "map.js"), resource(__package__, "map.css")
    return page.widget(markup, _HOW_TO_READ, script=script, style=style)


def _checked(name: str, given: Any, count: int) -> list[Any]:
    """The list of one for each molecule; empty for None."""
    if given is None:
        return []
    listed = as_list(name, given, "one for each molecule")
    if len(listed) != count:
        raise ValueError(f"{name}: expected {count}, one for each code, got {len(listed)}; give one each")
    return listed


def _names(molecules: Sequence[Any], count: int) -> list[str]:
    found = []
    for place in range(count):
        molecule = molecules[place] if molecules else None
        name = molecule if isinstance(molecule, str) else getattr(molecule, "name", None)
        found.append(name if isinstance(name, str) and name else f"molecule {place + 1}")
    return found


def _sample(count: int, seed: int) -> list[int]:
    """The rows on the map, in their order."""
    if count <= MAX_MOLECULES:
        return list(range(count))
    warnings.warn(
        f"codes: expected at most {MAX_MOLECULES} molecules for a map, got {count}; {MAX_MOLECULES} of them are drawn "
        "at random, choose those of interest to see them all",
        stacklevel=3,
    )
    chosen = torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:MAX_MOLECULES]
    return chosen.sort().values.tolist()


def _first_color(columns: Sequence[Mapping[str, Any]], color: str | None) -> int:
    """The number of the column that colours the points at first, -1 for none."""
    usable = [place for place, column in enumerate(columns) if column["kind"] != "text"]
    if color is None:
        return next((place for place in usable if not _counts(columns[place])), usable[0] if usable else -1)
    for place in usable:
        if columns[place]["name"] == color:
            return place
    known = ", ".join(columns[place]["name"] for place in usable)[:80] or "none"
    raise KeyError(f"color: expected a property with numbers or few words ({known}), got {color!r}; choose one")


def _counts(column: Mapping[str, Any]) -> bool:
    """Whether the values are different integers, as numbers of records are."""
    known = [value for value in column["values"] if value is not None]
    return len(known) > 2 and len(set(known)) == len(known) and all(isinstance(value, int) for value in known)


def _packed(projection: Projection) -> dict[str, Any]:
    low, high = projection.points.min(0).values, projection.points.max(0).values
    span = float((high - low).max()) or 1.0
    digits = max(0, _DIGITS - 1 - int(torch.tensor(span).log10().floor()))
    first, second = ([round(value, digits) + 0.0 for value in column] for column in projection.points.T.tolist())
    return {"name": projection.name, "x": first, "y": second, "axes": projection.axes, "note": projection.note}
