"""The command ``tg-molfield embed`` and its options."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tg_molfield.cli.models import MODEL_HELP
from tg_molfield.cli.options import Cluster, Dimension, Seed, Timeout, Workers
from tg_molfield.cli.resuming import Resume, resumable
from tg_molfield.cli.sizes import Yes, refuse_large, table_size
from tg_molfield.cli.terminal import progress
from tg_molfield.cli.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

_BATCH = 256


def embed(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Files of molecules (sdf, mol2, xyz, pdb, smi, csv with a column smiles …; also .gz), or the folder "
            "of a data set."
        ),
    ],
    output: Annotated[
        list[Path],
        typer.Option(
            "--output", "-o", help="The files to write: tables (.csv, .npz; .parquet needs pyarrow), a map (.html)."
        ),
    ],
    model: Annotated[str, typer.Option(help=MODEL_HELP)] = "organic-small",
    summary: Annotated[
        bool,
        typer.Option("--summary", help="Write only the summary, the end of the code made for property models."),
    ] = False,
    neighbors: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="Add the K molecules with the nearest summaries (codes, where the model has no summaries) and their "
            "distances.",
        ),
    ] = None,
    distance: Annotated[
        str | None, typer.Option(help="Of neighbours: cosine or euclidean.  \\[default: cosine]")
    ] = None,
    projection: Annotated[
        list[str] | None,
        typer.Option(help="Of the map: pca, umap (needs umap-learn) or both.  \\[default: pca]"),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Molecules in a batch: the most that are encoded at once.  \\[default: 256, or 32 SMILES]"),
    ] = None,
    seed: Seed = None,
    timeout: Timeout = None,
    dimension: Dimension = None,
    workers: Workers = 0,
    cluster: Cluster = None,
    resume: Resume = False,
    yes: Yes = False,
) -> None:
    """Write the codes of molecules, with their names, their SMILES and the properties that the files have.

    The rows are in the order of the records. Records that cannot be read or encoded are listed, with the reason, in a
    file beside the first output, as in codes.failed.csv. A neighbour is given by its row, counted from 1 (in .npz files
    from 0). A map shows the summaries of the molecules in a plane, where the model has summaries, else their codes;
    each molecule is drawn and coloured by any of its properties.

    While the command runs, what is done is kept beside the first output, as in codes.csv.checkpoint. The files may be
    larger than memory.

    Examples:

    tg-molfield embed library.sdf -o codes.csv --summary --neighbors 10

    tg-molfield embed molecules.smi -o codes.npz -o codes.parquet --model trained.safetensors

    tg-molfield embed esol -o codes.csv --model run --neighbors 5

    tg-molfield embed library.sdf -o map.html --projection pca umap

    tg-molfield embed library.sdf.gz -o codes.parquet --workers 8 --resume
    """
    import numpy as np
    import torch

    from tg_molfield.cli.data_sets.library import DataSetLibrary
    from tg_molfield.cli.embed.map import check_projections, is_map
    from tg_molfield.cli.embed.outputs import SUFFIXES, failed_path
    from tg_molfield.cli.embed.parts import Parts
    from tg_molfield.cli.embed.records import Embedder, recipe_of
    from tg_molfield.cli.embed.report import no_code, tell, write
    from tg_molfield.cli.embed.running import encode, find_neighbors, identity_of
    from tg_molfield.cli.embed.table import CodeTable
    from tg_molfield.cli.models import load_model
    from tg_molfield.cli.no_effect import check_reading, refuse
    from tg_molfield.cli.output_files import check_outputs
    from tg_molfield.cli.packages import check_tables
    from tg_molfield.cli.reading import check_different
    from tg_molfield.parallel import check_workers
    from tg_molfield.structures.library import Library

    of_smiles = {"--seed": seed, "--timeout": timeout}
    data_set = _data_set(files)
    if data_set is None:
        check_reading(files, None, of_smiles, {"--dimension": dimension})
    else:
        refuse({**of_smiles, "--dimension": dimension}, "files", f"the data set {data_set}")
    check_different(files)
    check_outputs([*output, failed_path(output[0])], (*SUFFIXES, ".html"), files)
    check_tables(output)
    _check_neighbors(neighbors, distance)
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"--batch-size: expected 1 or more, got {batch_size}; 256 is usual")
    check_workers(workers, cluster)
    projections = check_projections(projection, summary, output)
    encoder = load_model(model)
    if summary and not encoder.summary_channels:
        raise ValueError(
            f"--summary: expected a model with a summary, got {model}, whose codes have none; leave it out"
        )
    library = Library(list(files), dtype=torch.float64) if data_set is None else DataSetLibrary(data_set)
    recipe = recipe_of(encoder.properties, seed, timeout, dimension)
    embedder = Embedder(encoder, recipe, batch_size or _BATCH, summary, any(map(is_map, output)))
    identity = identity_of(library, embedder, batch_size)
    began = time.monotonic()
    with resumable(output[0], resume) as state, Parts(state, identity) as parts:
        with progress("0 records") as show:
            records = encode(parts, library, embedder, batch_size, workers, cluster, show)
            if not len(parts):
                message = no_code(parts, records)
                parts.remove()
                raise ValueError(message)
            known = parts.state()
            values, itemsize = known["molecules"] * known["width"], np.dtype(known["type"]).itemsize
            tables = {path.name: table_size(path, values, itemsize) for path in output if not is_map(path)}
            refuse_large(tables, yes, "give --summary; with --resume what is done is kept")
            neighbors = _available(neighbors, len(parts))
            if neighbors is not None:
                width = encoder.summary_channels or encoder.latent_dim
                find_neighbors(parts, neighbors, distance or "cosine", width, show)
        table = CodeTable(parts, "summary" if summary else "code", len(files) > 1, neighbors)
        tell(parts, table, records, time.monotonic() - began)
        write(output, parts, table, encoder.summary_channels, (projections, model, files))
        parts.remove()


def _available(neighbors: int | None, molecules: int) -> int | None:
    """How many neighbours each of some molecules can have, at most as many as are wanted; None for none."""
    if neighbors is None or neighbors < molecules:
        return neighbors
    warnings.warn(
        f"--neighbors: expected more than {counted(neighbors, 'molecule')} with a code, got {molecules}; each has "
        f"{molecules - 1}",
        stacklevel=2,
    )
    return molecules - 1 or None


def _data_set(files: Sequence[Path]) -> Path | None:
    """The folder of a data set, if that is what there is.

    Raises:
        ValueError: there are other files beside it.
    """
    from tg_molfield.cli.data_sets.opening import is_data_set

    there = [path for path in files if is_data_set(path)]
    if there and len(files) > 1:
        raise ValueError(f"files: expected one data set alone, got {there[0]} beside others; give one")
    return there[0] if there else None


def _check_neighbors(neighbors: int | None, distance: str | None) -> None:
    from tg_molfield.nn.embedding.nearest import DISTANCES

    if neighbors is None and distance is not None:
        raise ValueError(f"--distance: expected --neighbors with it, got {distance}; leave it out")
    if neighbors is not None and neighbors < 1:
        raise ValueError(f"--neighbors: expected 1 or more, got {neighbors}; 10 is usual")
    if distance is not None and distance not in DISTANCES:
        raise ValueError(f"--distance: expected one of {', '.join(DISTANCES)}, got {distance}; choose one")
