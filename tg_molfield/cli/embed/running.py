"""What ``tg-molfield embed`` computes; each step goes on where a killed run was."""

from __future__ import annotations

import hashlib
from itertools import islice
from tempfile import TemporaryFile

import numpy as np
import torch

from tg_molfield.cli.embed.parts import Parts
from tg_molfield.cli.embed.records import Embedder
from tg_molfield.cli.terminal import Show
from tg_molfield.cli.wording import counted
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.nn.embedding.nearest import ROWS_AT_ONCE, nearest_blocks
from tg_molfield.nn.embedding.outside import OutsideDomain
from tg_molfield.nn.serialization.description import describe_model
from tg_molfield.parallel import in_order
from tg_molfield.structures.library import Library, Problems, chunked, place
from tg_molfield.tensor_files import raw_bytes


def identity_of(library: Library, embedder: Embedder, batch_size: int | None) -> dict[str, str]:
    """What codes depend on, by name.

    Args:
        library: the molecules.
        embedder: how they are read and encoded.
        batch_size: the records that are encoded together.

    Raises:
        OSError: a file cannot be read.
    """
    recipe = embedder.recipe
    files = library.description()
    return {
        "library": ", ".join(f"{name} of {size} bytes, time {changed}" for name, size, changed in files),
        "model": _digest(embedder.model),
        "--summary": str(embedder.summary),
        "--batch-size": str(batch_size),
        "conformers": f"seed {recipe.seed} in {recipe.timeout:g} s",
        "--dimension": str(recipe.dimension),
        "map": str(embedder.drawn),
    }


def encode(
    parts: Parts,
    library: Library,
    embedder: Embedder,
    batch_size: int | None,
    workers: int,
    cluster: str | None,
    show: Show,
) -> int:
    """Encode the molecules that are not done yet.

    Returns:
        The number of records.

    Raises:
        ChildProcessError: worker processes ended by themselves.
        OSError: a file cannot be read or written, or the scheduler of the cluster is lost.

    Warns:
        OutOfDomainWarning: molecules lie outside the domain of the model.
        StructureWarning: what the readers warn of, once for all records.
    """
    state = parts.state()
    problems = Problems.restored(state["problems"]) if "problems" in state else Problems()
    outside = OutsideDomain({int(kind): (first, count) for kind, (first, count) in state.get("outside", {}).items()})
    done = state["records"]
    entries = enumerate(library)
    for _ in islice(entries, done):
        pass
    for chunk, outcome in in_order(chunked(entries, batch_size), embedder, place, workers, cluster):
        known = dict(chunk)
        for position, note in outcome.notes:
            problems.note(known[position], note)
        problems.charges |= outcome.charges
        for source, reasons in zip(outcome.sources, outcome.outside, strict=True):
            outside.note(source.place, reasons)
        done += len(chunk)
        parts.add(outcome, {"records": done, "problems": problems.saved(), "outside": outside.found})
        show(f"{counted(done, 'record')}", library.done)
    outside.warn(stacklevel=3)
    problems.warn(done, stacklevel=3)
    return done


def find_neighbors(parts: Parts, k: int, distance: str, width: int, show: Show) -> None:
    """Find the nearest of each molecule, where they are not known yet.

    Args:
        parts: the codes.
        k: how many.
        distance: see `nearest`.
        width: how many numbers at the end of a code are compared: those of the summary, or all.
        show: is told how far it is.
    """
    count = len(parts)
    with TemporaryFile(dir=parts.path.parent) as file:
        summaries = np.memmap(file, parts.state()["type"], "w+", shape=(count, width))
        first = 0
        for sources, codes in parts.blocks(ROWS_AT_ONCE):
            summaries[first : first + len(sources)] = codes[:, -width:]
            first += len(sources)
        first = parts.begin_neighbors([k, distance])
        for block in nearest_blocks(torch.from_numpy(summaries), k, distance, first):
            parts.add_neighbors(first, block)
            first += len(block.index)
            show(f"neighbours of {counted(first, 'molecule')}", first / count)


def _digest(model: FieldAutoEncoder) -> str:
    described, tensors = describe_model(model)
    digest = hashlib.sha256(repr(described).encode())
    for name, tensor in tensors.items():
        digest.update(repr((name, tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(raw_bytes(tensor))
    return f"digest {digest.hexdigest()[:12]}"
