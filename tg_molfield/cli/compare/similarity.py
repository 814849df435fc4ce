"""``tg-molfield similarity``: how alike the molecules of two files are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tg_molfield.cli.options import By, Conformers, Dimension, Metric, Search, Seed
from tg_molfield.cli.sizes import Yes, refuse_large
from tg_molfield.cli.terminal import progress, say, say_table
from tg_molfield.cli.wording import counted

_SHOWN = 50
_ROW = 50
"""Bytes of a row of the table, about."""


def similarity(
    first: Annotated[str, typer.Argument(help="Molecules: a structure file, a table of SMILES, or a SMILES.")],
    second: Annotated[str, typer.Argument(help="The molecules that they are compared with, likewise.")],
    by: By = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Compare molecules where they are, such as docked poses.")
    ] = False,
    output: Annotated[
        list[Path] | None, typer.Option("--output", "-o", help="The files to write: a table (.csv).")
    ] = None,
    metric: Metric = "tanimoto",
    search: Search = None,
    conformers: Conformers = None,
    seed: Seed = None,
    dimension: Dimension = None,
    yes: Yes = False,
) -> None:
    """Print how alike molecules are, the most alike first: each record of a file with each of another.

    Each pair is laid on each other first, unless --in-place is given. With several --conformers, each has rows of its
    own.

    Examples:

    tg-molfield similarity CCO CCN

    tg-molfield similarity poses.sdf crystal_ligand.sdf --in-place --by shape color -o ranked.csv
    """
    from tg_molfield.cli.compare.inputs import load_both, recipe, weights
    from tg_molfield.cli.compare.outputs import printed_table, write_csv
    from tg_molfield.cli.no_effect import check_reading, refuse
    from tg_molfield.cli.output_files import check_outputs
    from tg_molfield.compare import Scoring, align_many, score_in_place
    from tg_molfield.compare.partial_charges import warn_of_charges

    of_smiles = {"--conformers": conformers, "--seed": seed}
    check_reading([first, second], None, of_smiles, {"--dimension": dimension})
    if in_place:
        refuse({"--search": search}, "molecules that are aligned", "--in-place")
    outputs = check_outputs(output, [".csv"], [first, second])
    terms = weights(by or ["shape"])
    scoring = Scoring.of(terms, metric)
    how = recipe(scoring, conformers, seed, dimension)
    mine, theirs = load_both(first, second, scoring, how)
    size = _ROW * len(mine) * len(theirs)
    refuse_large({path.name: size for path in outputs}, yes, "compare fewer molecules")
    warn_of_charges({one.charges for one in mine}, {one.charges for one in theirs})
    sides = [one.data for one in mine], [one.data for one in theirs]
    with progress(f"comparing {counted(len(mine) * len(theirs), 'pair')}"):
        if in_place:
            found = score_in_place(*sides, terms, metric=metric)
        else:
            found = align_many(*sides, terms, metric=metric, search=search or "normal")
    names = found.names if len(found.names) > 1 else ()
    several = max(one.conformer for one in mine) > 1, max(one.conformer for one in theirs) > 1
    headers = (
        "rank",
        *("record", "conformer")[: 1 + several[0]],
        "molecule",
        *("other record", "other conformer")[: 1 + several[1]],
        "other molecule",
        "score",
        *names,
    )
    rows = []
    order = found.score.flatten().argsort(descending=True, stable=True).tolist()
    for rank, place in enumerate(order, start=1):
        a, b = divmod(place, len(theirs))
        by_term = found.by_term[a, b].tolist() if names else []
        pair = [
            place
            for one, many in zip((mine[a], theirs[b]), several, strict=True)
            for place in (one.entry.record, *[one.conformer] * many, one.title)
        ]
        rows.append((rank, *pair, float(found.score[a, b]), *by_term))
    say_table(printed_table(headers, rows[:_SHOWN]))
    if len(rows) > _SHOWN:
        say(f"and {counted(len(rows) - _SHOWN, 'more pair')}{'' if outputs else '; -o table.csv writes all'}")
    for path in outputs:
        with progress(f"writing {path.name}"):
            write_csv(path, headers, rows)
        say(f"{path}: {counted(len(rows), 'pair')}")
