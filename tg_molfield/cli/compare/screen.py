"""``tg-molfield screen``: the molecules of a library that are most like a query."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tg_molfield.cli.options import By, Cluster, Conformers, Dimension, Metric, Search, Seed, Timeout, Workers
from tg_molfield.cli.resuming import Resume, resumable
from tg_molfield.cli.terminal import progress, say, say_table
from tg_molfield.cli.wording import counted

if TYPE_CHECKING:
    from tg_molfield.cli.compare.inputs import Molecule
    from tg_molfield.compare import Hits, ScreenProgress

_SUFFIXES = (".sdf", ".csv", ".html")
_SHOWN = 10


def screen(
    query: Annotated[
        str,
        typer.Argument(help="The molecule to look for: a structure file (several records: the best counts), a SMILES."),
    ],
    library: Annotated[
        list[Path],
        typer.Argument(help="Files to search, of any size (sdf, mol2, smi, csv with a column smiles …; also .gz)."),
    ],
    output: Annotated[
        list[Path],
        typer.Option("--output", "-o", help="The files to write: molecules (.sdf), a table (.csv), a page (.html)."),
    ],
    by: By = None,
    top: Annotated[int, typer.Option(help="The number of molecules to keep.")] = 1000,
    metric: Metric = "tanimoto",
    search: Search = None,
    conformers: Conformers = None,
    seed: Seed = None,
    timeout: Timeout = None,
    each_conformer: Annotated[
        bool, typer.Option("--each-conformer", help="Rank every conformer, not the best of each molecule.")
    ] = False,
    dimension: Dimension = None,
    workers: Workers = 0,
    cluster: Cluster = None,
    resume: Resume = False,
) -> None:
    """Search a library for the molecules that are most like a query, laid on it by their fields.

    Records in a row with the same title, atoms and bonds are conformers of one molecule, which counts by its best.
    While the search runs, its state is kept beside the first output, as in hits.sdf.checkpoint.

    Examples:

    tg-molfield screen query.sdf library.sdf.gz --by shape color -o hits.sdf -o hits.csv -o hits.html

    tg-molfield screen "CC(=O)Oc1ccccc1C(=O)O" library.smi --conformers 5 --workers 8 -o hits.sdf
    """
    from tg_molfield.cli.compare.inputs import load, recipe, weights
    from tg_molfield.cli.compare.outputs import printed_table
    from tg_molfield.cli.no_effect import check_reading
    from tg_molfield.cli.output_files import check_outputs
    from tg_molfield.cli.packages import check_pages
    from tg_molfield.cli.reading import check_different
    from tg_molfield.compare import Scoring
    from tg_molfield.compare import screen as search_library
    from tg_molfield.files import format_suffix
    from tg_molfield.structures.formats.registry import FORMATS
    from tg_molfield.structures.library import TABLES

    of_smiles = {"--conformers": conformers, "--seed": seed, "--timeout": timeout}
    check_reading([query, *library], None, of_smiles, {"--dimension": dimension})
    suffixes = {format_suffix(path) for path in library}
    has_smiles = bool(suffixes & set(TABLES))
    has_drawings = any(suffix in FORMATS and FORMATS[suffix].has_drawings for suffix in suffixes)
    check_different(library, "library")
    outputs = check_outputs(output, _SUFFIXES, [query, *library])
    check_pages(outputs)
    terms = weights(by or ["shape"])
    scoring = Scoring.of(terms, metric)
    how = recipe(scoring, conformers, seed, dimension, timeout)
    queries = load(query, scoring, how)
    if len(queries) > 1:
        say(f"{len(queries)} queries; the score of a molecule is that of the most alike")
    began = time.monotonic()
    with resumable(outputs[0], resume) as state:
        with progress("0 records") as show:

            def tell(found: ScreenProgress) -> None:
                best = "" if found.best is None else f", best {found.best:.3f}"
                show(f"{found.records} records{best}", found.done)

            hits = search_library(
                [one.data for one in queries],
                library,
                terms,
                top=top,
                metric=metric,
                search=search or "normal",
                conformers=how.conformers if has_smiles else 1,
                seed=how.seed,
                timeout=how.timeout,
                each_conformer=each_conformer,
                dimension=dimension if has_drawings else None,  # type: ignore[arg-type]  # checked there
                workers=workers,
                cluster=cluster,
                checkpoint=state,
                progress=tell,
            )
        failed = f", {hits.failed_count} of them not readable" if hits.failed_count else ""
        say(f"{counted(hits.records, 'record')}{failed}, {time.monotonic() - began:.0f} s")
        say_table(printed_table(hits.headers(brief=True), list(islice(hits.rows(brief=True), _SHOWN))))
        for path in outputs:
            with progress(f"writing {path.name}"):
                _write(path, hits, queries, query)
            say(f"{path}: {_content(path, hits)}")
        state.unlink(missing_ok=True)


def _content(path: Path, hits: Hits) -> str:
    return "a page" if path.suffix.lower() == ".html" else counted(len(hits), "hit")


def _write(path: Path, hits: Hits, queries: list[Molecule], query: str) -> None:
    from tg_molfield.files import format_suffix

    suffix = format_suffix(path)
    if suffix == ".sdf":
        hits.to_sdf(path)
    elif suffix == ".csv":
        hits.to_csv(path)
    else:
        from tg_molfield.viz import hits_page

        facts: dict[str, Any] = {"records": hits.records, "hits": len(hits), "best score": hits[0].score}
        page = hits_page(
            f"Molecules like {queries[0].entry.file or query}", hits, [one.data for one in queries], facts=facts
        )
        page.save(path)
