"""The command ``tg-molfield embed`` and its options."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tg_molfield.cli.models import MODEL_HELP
from tg_molfield.files import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tg_molfield.cli.embed.records import Source
    from tg_molfield.nn import FieldAutoEncoder
    from tg_molfield.nn.embedding.nearest import Neighbors

_SHOWN, _NEIGHBORS_SHOWN = 10, 3


def embed(
    files: Annotated[
        list[Path],
        typer.Argument(help="Files of molecules (sdf, mol2, xyz, pdb, smi, csv with a column smiles …; also .gz)."),
    ],
    output: Annotated[
        list[Path],
        typer.Option("--output", "-o", help="Tables: .csv, .npz or .parquet (needs pyarrow). A map as a page: .html."),
    ],
    model: Annotated[str, typer.Option(help=MODEL_HELP)] = "organic-small",
    summary: Annotated[
        bool,
        typer.Option("--summary", help="Write only the summary, the end of the code made for property models."),
    ] = False,
    neighbors: Annotated[
        int | None,
        typer.Option(metavar="K", help="Add the K molecules with the nearest summaries and their distances."),
    ] = None,
    distance: Annotated[
        str | None, typer.Option(help="Of neighbours: cosine or euclidean.  \\[default: cosine]")
    ] = None,
    projection: Annotated[
        list[str] | None,
        typer.Option(help="Of the map: pca, umap (needs umap-learn) or both.  \\[default: pca]"),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="The most molecules that are encoded at once.")] = 256,
    seed: Annotated[int | None, typer.Option(help="The seed of the conformers made of SMILES.  \\[default: 0]")] = None,
    timeout: Annotated[
        float | None, typer.Option(help="The time limit for the conformer of one SMILES in seconds.  \\[default: 20]")
    ] = None,
    dimension: Annotated[
        int | None, typer.Option(help="3 to take flat coordinates of SDF files as geometries, not drawings.")
    ] = None,
) -> None:
    """Write the codes of molecules, with their names, their SMILES and the properties that the files have.

    The rows are in the order of the records. Records that cannot be read or encoded are listed, with the reason, in a
    file beside the first output, as in codes.failed.csv. A neighbour is given by its row, counted from 1 (in .npz files
    from 0). A map shows the summaries of the molecules in a plane, where the model has summaries, else their codes;
    each molecule is drawn and coloured by any of its properties.

    Examples:

    tg-molfield embed library.sdf -o codes.csv --summary --neighbors 10

    tg-molfield embed molecules.smi -o codes.npz -o codes.parquet --model trained.safetensors

    tg-molfield embed library.sdf -o map.html --projection pca umap
    """
    from tg_molfield.cli.compare.outputs import check_outputs, printed_table
    from tg_molfield.cli.embed.map import check_projections, is_map, write_map
    from tg_molfield.cli.embed.outputs import SUFFIXES, check_packages, failed_path, write_codes, write_failed
    from tg_molfield.cli.embed.records import Records, recipe_of
    from tg_molfield.cli.embed.table import code_table
    from tg_molfield.cli.models import load_model
    from tg_molfield.cli.no_effect import check_reading
    from tg_molfield.cli.record_bar import record_bar
    from tg_molfield.cli.terminal import progress
    from tg_molfield.nn.embedding.nearest import nearest
    from tg_molfield.structures.library import Library

    check_reading(files, None, {"--seed": seed, "--timeout": timeout}, {"--dimension": dimension})
    _check_different(files)
    check_outputs([*output, failed_path(output[0])], (*SUFFIXES, ".html"), files)
    check_packages(output)
    _check_neighbors(neighbors, distance)
    projections = check_projections(projection, summary, output)
    encoder = load_model(model)
    if (summary or neighbors is not None) and not encoder.summary_channels:
        option = "--summary" if summary else "--neighbors"
        raise ValueError(f"{option}: expected a model with a summary, got {model}, whose codes have none; leave it out")
    records = Records(
        Library(list(files)), recipe_of(encoder.properties, seed, timeout, dimension), any(map(is_map, output))
    )
    began = time.monotonic()
    with record_bar() as show:
        found = encoder.embed(
            records,
            batch_size,
            errors="skip",
            progress=lambda *_: show(f"{records.count} records", records.library.done),
        )
    records.problems.warn(records.count, stacklevel=2)
    failures = {
        records.sources[place].number: records.sources[place].failed(reason) for place, reason in found.failed.items()
    }
    failed = [one for _, one in sorted({**records.failed, **failures}.items())]
    if not len(found):
        reasons = "".join(f"\n  {one}" for one in failed[:_SHOWN])
        raise ValueError(
            f"files: expected a molecule with a code, got none among {records.count} records; correct them{reasons}"
        )
    sources = [records.sources[place] for place in found.index.tolist()]
    near = None if neighbors is None else nearest(found.summary, neighbors, distance or "cosine")
    codes = {"summary": found.summary.numpy()} if summary else {"code": found.code.numpy()}
    table = code_table(sources, codes, near, len(files) > 1)
    console = Console(highlight=False, soft_wrap=True)
    without = f", {len(failed)} of them without a code" if failed else ""
    console.print(f"{records.count} records{without}, {time.monotonic() - began:.0f} s")
    if near is not None:
        console.print(printed_table(("molecule", "distance of the nearest"), _nearest_rows(sources, near)))
    for path in output:
        if is_map(path):
            of_map = found.summary if encoder.summary_channels else found.code
            with progress("drawing the map"):
                write_map(path, sources, of_map, table, projections, model, files)
            console.print(f"{path}: a map of {len(table)} molecules", markup=False)
        else:
            write_codes(path, table)
            console.print(f"{path}: {len(table)} molecules, {_described(summary, encoder)}", markup=False)
    write_failed(failed_path(output[0]), failed)
    if failed:
        rows = [(one.file, one.record, one.title, one.reason) for one in failed[:_SHOWN]]
        console.print(printed_table(("file", "record", "name", "reason"), rows))
        console.print(f"{failed_path(output[0])}: {len(failed)} records without a code", markup=False)


def _described(summary: bool, encoder: FieldAutoEncoder) -> str:
    if summary:
        return f"summaries of {encoder.summary_channels} numbers"
    last = f", the last {encoder.summary_channels} the summary" if encoder.summary_channels else ""
    return f"codes of {encoder.latent_dim} numbers{last}"


def _check_different(files: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in files:
        if path.resolve() in seen:
            raise ValueError(f"files: expected different files, got {path} twice; name each once")
        seen.add(path.resolve())


def _check_neighbors(neighbors: int | None, distance: str | None) -> None:
    from tg_molfield.nn.embedding.nearest import DISTANCES

    if neighbors is None and distance is not None:
        raise ValueError(f"--distance: expected --neighbors with it, got {distance}; leave it out")
    if neighbors is not None and neighbors < 1:
        raise ValueError(f"--neighbors: expected 1 or more, got {neighbors}; 10 is usual")
    if distance is not None and distance not in DISTANCES:
        raise ValueError(f"--distance: expected one of {', '.join(DISTANCES)}, got {distance}; choose one")


def _nearest_rows(sources: Sequence[Source], near: Neighbors) -> list[tuple[str, str]]:
    """For the screen: the first molecules, each with its nearest and their distances."""
    rows = []
    for place, source in enumerate(sources[:_SHOWN]):
        found = zip(near.index[place].tolist(), near.distance[place].tolist(), strict=True)
        lines = [f"{apart:.4f} {shortened(sources[other].title, 40)}" for other, apart in found]
        rows.append((shortened(source.title, 40), "\n".join(lines[:_NEIGHBORS_SHOWN])))
    return rows
