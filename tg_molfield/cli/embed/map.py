"""The map that ``tg-molfield embed`` writes as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    table: CodeTable,
    summary_channels: int,
    projections: Sequence[str],
    model: str,
    files: Sequence[Path],
) -> None:
    """Write the map of molecules, which are all in memory meanwhile.

    Args:
        path: the page.
        table: the molecules.
        summary_channels: the numbers of a summary, by which molecules are near to each other; 0 for the whole code.
        projections: see `map_page`.
        model: the name of the model.
        files: where the molecules are from.
    """
    import torch

    from tg_molfield.viz import map_page

    blocks = [*table.blocks()]
    sources = [one for block in blocks for one in block.sources]
    codes = torch.cat([torch.from_numpy(block.codes[:, -summary_channels:]) for block in blocks])
    columns = {column.name: column for column in table.columns}
    facts: dict[str, Any] = {
        name: column.values(sources) for name, column in columns.items() if name not in (*_LAST, "name")
    }
    if "file" in columns:
        facts["file"] = columns["file"].texts(sources)
    facts["record"] = [str(one.record) for one in sources]
    facts["smiles"] = columns["smiles"].texts(sources)
    listed = files[0].name if len(files) == 1 else f"{len(files)} files"
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
