"""`hits_page`: molecules found by their fields, as a table and as overlays with the query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from tg_molfield.fields.definition import MolField
from tg_molfield.viz.definitions import in_words
from tg_molfield.viz.overlay import plot_overlay
from tg_molfield.viz.page import Page
from tg_molfield.viz.tables import Cell

_HOW_TO_READ = (
    "Each hit is drawn where it lies on the query, with a surface of each one's field at the same level. Drag to turn, "
    "or use the arrow keys; boxes show or hide a molecule or a surface. Hydrogens of carbons are not drawn."
)


def hits_page(
    title: str,
    hits: Any,
    queries: Sequence[Any],
    mol_field: MolField | None = None,
    *,
    subtitle: str = "",
    facts: Mapping[str, Cell] | None = None,
    overlays: int = 20,
    rows: int = 50,
) -> Page:
    """A page with the table of hits, and an overlay of each of the first with its query.

    Args:
        title: title of the page.
        hits: the `Hits` of a search.
        queries: the molecules of the search, in their order.
        mol_field: a field of one channel whose surfaces are drawn; ``MolField.preset("shape")`` if not given.
        subtitle: a line below the title.
        facts: a few values by name, above the table.
        overlays: how many hits are drawn; 20 take about 4 MB.
        rows: how many hits the table lists.

    Raises:
        ValueError: there are no hits.
        ImportError: plotly or scikit-image is missing.
    """
    if not len(hits):
        raise ValueError("hits: expected at least one hit, got none; search another library")
    drawn = MolField.preset("shape") if mol_field is None else mol_field
    page = Page(title, subtitle)
    if facts:
        page.facts(facts)
    listed = list(islice(hits.rows(brief=True), rows))
    page.heading("Hits", f"the first {len(listed)} of {len(hits)}" if len(hits) > len(listed) else "")
    page.table(listed, hits.headers(brief=True))
    page.heading("Overlays", f"of the first {min(overlays, len(hits))}")
    page.text(f"{_HOW_TO_READ} Field: {in_words(drawn)}")
    for hit in islice(hits, overlays):
        query = queries[hit.query]
        name = hit.name or f"record {hit.record}"
        figure = plot_overlay(query, hit.moved, (drawn(query), drawn(hit.moved)), names=("query", name))
        terms = ", ".join(f"{term} {value:.3f}" for term, value in hit.by_term.items())
        score = f"score {hit.score:.3f}" + (f": {terms}" if len(hit.by_term) > 1 else "")
        page.figure(figure, f"{hit.rank}. {name}, {score}")
    return page
