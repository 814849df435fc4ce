"""The map that ``tg-molfield embed`` writes as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tg_molfield.cli.embed.table import typed

if TYPE_CHECKING:
    from torch import Tensor

    from tg_molfield.cli.embed.records import Source
    from tg_molfield.cli.embed.table import CodeTable

_LAST = ("file", "record", "smiles")
"""Columns that come after those of the files; the number of the row is left out."""


def check_projections(projections: Sequence[str] | None, summary: bool, outputs: Sequence[Path]) -> list[str]:
    """The projections of a map: those given, or PCA.

    Args:
        projections: as given, None for none.
        summary: whether tables are to hold the summary only.
        outputs: the files to write.

    Raises:
        ValueError: one is unknown, or there is no page or table to write that an option is for.
        ImportError: umap-learn is missing.
    """
    from tg_molfield.cli.no_effect import refuse
    from tg_molfield.optional import require
    from tg_molfield.viz.map.projection import PROJECTIONS

    if not any(is_map(path) for path in outputs):
        refuse({"--projection": projections}, "an output .html", ", ".join(map(str, outputs)))
    if all(map(is_map, outputs)):
        refuse({"--summary": summary or None}, "a table (.csv, .npz or .parquet)", ", ".join(map(str, outputs)))
    for name in projections or ():
        if name not in PROJECTIONS:
            raise ValueError(f"--projection: expected {' or '.join(PROJECTIONS)}, got {name}; choose one of them")
    if projections and "umap" in projections:
        require("umap", "maps")
    return list(dict.fromkeys(projections or ["pca"]))


def is_map(path: Path) -> bool:
    """Whether the file is a page."""
    return path.suffix.lower() == ".html"


def write_map(
    path: Path,
    sources: Sequence[Source],
    codes: Tensor,
    table: CodeTable,
    projections: Sequence[str],
    model: str,
    files: Sequence[Path],
) -> None:
    """Write the map of molecules.

    Args:
        path: the page.
        sources: of M molecules.
        codes: ``[M, D]``, what near molecules are near in.
        table: what is known about them.
        projections: see `map_page`.
        model: the name of the model.
        files: where the molecules are from.
    """
    from tg_molfield.viz import map_page

    listed = files[0].name if len(files) == 1 else f"{len(files)} files"
    facts = {name: typed(column) for name, column in table.facts.items() if name not in (*_LAST, "row", "name")}
    facts |= {name: list(map(str, table.facts[name])) for name in _LAST if name in table.facts}
    page = map_page(
        f"Map of {listed}",
        codes,
        [one.smiles or one.atoms for one in sources],
        names=[one.title for one in sources],
        properties=facts,
        projections=projections,
        subtitle=f"Codes of molecules by the model {model}",
    )
    page.save(path)
