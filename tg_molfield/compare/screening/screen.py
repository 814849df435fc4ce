"""`screen`: the molecules of a library that are most like a query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from torch_geometric.data import Data

from tg_molfield.arguments import as_path, check_choice, check_counts, check_flag, check_number, require_counts
from tg_molfield.compare.alignment.search import BLURS, PLANS
from tg_molfield.compare.alignment.sides import check_alignable, side_of
from tg_molfield.compare.metrics import Metric
from tg_molfield.compare.molecules import listed
from tg_molfield.compare.partial_charges import charges_of_molecule, warn_of_charges
from tg_molfield.compare.scoring import By, Scoring
from tg_molfield.compare.screening.checkpoint import Checkpoint, fingerprint
from tg_molfield.compare.screening.chunks import Job, score_chunk
from tg_molfield.compare.screening.empty_queries import warn_of_empty_queries
from tg_molfield.compare.screening.hits import Hits, make_hit
from tg_molfield.compare.screening.ranking import Ranking
from tg_molfield.compare.screening.state import ScreenProgress, State
from tg_molfield.fields import Field
from tg_molfield.files import format_suffix
from tg_molfield.parallel import check_workers, in_order
from tg_molfield.progress import check_progress, shown
from tg_molfield.structures.formats.registry import FORMATS
from tg_molfield.structures.library import TABLES, Library, Recipe, chunked, place


def screen(
    query: Data | Sequence[Data],
    library: str | Path | Iterable[str | Path] | Iterable[Data],
    by: By = "shape",
    *,
    top: int = 1000,
    metric: str | Metric = "tanimoto",
    search: str = "normal",
    conformers: int = 1,
    seed: int = 0,
    timeout: float = 20.0,
    each_conformer: bool = False,
    dimension: Literal[3] | None = None,
    errors: str = "skip",
    workers: int = 0,
    cluster: Any = None,
    batch_size: int | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_seconds: float = 30.0,
    progress: Callable[[ScreenProgress], None] | bool | None = None,
) -> Hits:
    """The molecules of a library that are most like a query, each laid on it as `align` does.

    The library is read record by record, whatever its size; only the best molecules are held. Records in a row that
    have the same title and the same atoms and bonds, in the same order, are conformers of one molecule, which counts
    once, by its best conformer. Scores have 6 decimals; equal ones are ordered by position in the library. The hits do
    not depend on who does the work.

    Args:
        query: a molecule, or several, such as its conformers; the score is that of the most alike. Alignments run on
            its device, or on the processor where that has no double precision.
        library: a file or several (SDF, MOL2, a table of SMILES as ``.smi``, ``.csv`` or ``.tsv`` with a column
            ``smiles``; each also with ``.gz``; other structure files are read whole), or an iterable of ``Data``, such
            as a PyG data set.
        by: what is compared, see `Scoring.of`. What it needs is computed from the bonds of the library.
        top: how many molecules are kept.
        metric: the measure of likeness.
        search: how thorough each alignment is, as for `align`.
        conformers: how many conformers are made of each SMILES.
        seed: of the conformers.
        timeout: seconds for the conformers of one SMILES.
        each_conformer: rank every conformer, not the best of each molecule.
        dimension: 3 to take flat records of SDF files as geometries, as in ``read``.
        errors: ``"skip"`` leaves out records that cannot be read or scored and lists them; ``"raise"`` stops at the
            first.
        workers: processes that read, make conformers and align, beside this one; 0 for none. As always with processes,
            a script that uses them begins its work under ``if __name__ == "__main__":``.
        cluster: a Dask cluster that does it instead: the address of its scheduler, as in ``"tcp://host:8786"``, or a
            ``distributed.Client``. The hits are the same. Needs the extra ``cluster``.
        batch_size: records that are read and aligned at a time; by default 256, or 32 SMILES.
        checkpoint: a file for the state of the search, replaced every ``checkpoint_seconds``; if it exists, the search
            goes on from it.
        checkpoint_seconds: the least time between two writes.
        progress: a function that is called with a `ScreenProgress` after every batch, True or False; by default there
            is a bar in a terminal and in a notebook.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: a number out of range, an option without effect, an empty library, one without a readable record, or
            a checkpoint of another query, library or scoring.
        OSError: a file cannot be read or written.

    Warns:
        SkippedRecordsWarning: records were left out.
        StructureWarning: what the readers warn of, once for all records; or the query has partial charges of another
            kind than the library, or nothing of what is compared, as without features of colour.
    """
    check_workers(workers, cluster)
    check_progress(progress)
    check_flag(each_conformer=each_conformer)
    _check(top, search, batch_size, checkpoint_seconds, errors)
    scoring = Scoring.of(by, metric)
    if isinstance(query, Field):
        raise TypeError(
            f"query: expected molecules, got {type(query).__name__}; give a Data, and its definition as by="
        )
    given = listed("query", query)
    queries = [scoring.prepared(data) for data in given]
    fields = scoring.fields(queries)
    check_alignable(fields, fields)
    side = side_of(fields, [data.pos for data in queries], BLURS)
    warn_of_empty_queries(scoring.measure.names, side.own)
    recipe = Recipe(scoring.properties, scoring.color, None, dimension, conformers, seed, timeout)
    job = Job(scoring, side, fields, search, recipe, each_conformer)
    source = Library(library)
    _check_reading(source, conformers, dimension)
    state = State(Ranking(top, each_conformer))
    path = None if checkpoint is None else as_path(checkpoint, "checkpoint")
    store = Checkpoint(path, fingerprint(job, top, source.description()), checkpoint_seconds)
    entries = enumerate(source)
    store.restore(state, entries)
    work = partial(score_chunk, job=job)
    with shown(progress, _described) as show:
        for chunk, outcome in in_order(chunked(entries, batch_size), work, place, workers, cluster):
            state.take(chunk, outcome)
            if errors == "raise" and state.problems.count:
                raise ValueError(f"{state.problems.failed[0]}")
            store.save(state)
            show(state.progress(source.done))
    if state.problems.count == state.records:
        store.remove()
        raise ValueError(_nothing_found(state))
    store.save(state, now=True)
    return _hits(state, job, given)


def _check_reading(source: Library, conformers: int, dimension: Literal[3] | None) -> None:
    """Raise a ValueError for options of reading that concern nothing in the library."""
    suffixes = [format_suffix(path) for path in source.files]
    if conformers != 1 and not any(suffix in TABLES for suffix in suffixes):
        raise ValueError(
            f"conformers: expected 1 for molecules that have positions, got {conformers}; give a table of SMILES"
        )
    if dimension is not None and not any(suffix in FORMATS and FORMATS[suffix].has_drawings for suffix in suffixes):
        raise ValueError(f"dimension: expected an SDF or MOL file with it, got none; leave out dimension={dimension}")


def _described(progress: ScreenProgress) -> tuple[str, float | None]:
    best = "" if progress.best is None else f", best {progress.best:.3f}"
    failed = f", {progress.failed} failed" if progress.failed else ""
    return f"{progress.records} records{failed}{best}", progress.done


def _nothing_found(state: State) -> str:
    if not state.records:
        return "library: expected at least one molecule, got none; check where it comes from"
    reasons = "".join(f"\n  {record}" for record in state.problems.failed[:10])
    return f"library: expected a readable record, got none among {state.records}; correct the library{reasons}"


def _hits(state: State, job: Job, queries: Sequence[Data]) -> Hits:
    problems = state.problems
    problems.warn(state.records, stacklevel=4)
    if len(problems.charges) == 1:
        warn_of_charges(problems.charges, {charges_of_molecule(data) for data in queries}, stacklevel=3)
    ranked = enumerate(state.ranking.ordered(), start=1)
    hits = tuple(make_hit(rank, one, job.scoring, job.recipe) for rank, one in ranked)
    names, charges = job.scoring.measure.names, frozenset(problems.charges)
    return Hits(hits, names, state.records, tuple(problems.failed), problems.count, charges)


def _check(top: int, search: str, batch_size: int | None, seconds: float, errors: str) -> None:
    require_counts(1, top=top)
    check_counts(1, batch_size=batch_size)
    check_choice("search", search, PLANS)
    check_number("checkpoint_seconds", seconds)
    if not float(seconds) >= 0:
        raise ValueError(f"checkpoint_seconds: expected 0 or more, got {seconds}; 30 is usual")
    check_choice("errors", errors, ("raise", "skip"))
