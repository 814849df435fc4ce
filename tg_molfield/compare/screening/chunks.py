"""Some entries of a library read, laid on the query and scored, as one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.compare.alignment.pairs import align_pairs
from tg_molfield.compare.alignment.search import BLURS, PLANS, Found
from tg_molfield.compare.alignment.sides import Side, check_alignable, side_of
from tg_molfield.compare.partial_charges import charges_of_record
from tg_molfield.compare.scoring import Scoring
from tg_molfield.compare.screening.scored import Failed, Outcome, Scored
from tg_molfield.fields import RBFField
from tg_molfield.parallel import one_thread
from tg_molfield.structures.library import Built, Chunk, Entry, Recipe, build_entry, constitution, fault_of_entry

_PAIRS_OF_ATOMS = 2**24
"""Pairs of atoms within molecules of one batch: small molecules are not padded to the size of large ones."""
_DECIMALS = 6
"""Of scores: to these, what a molecule scores does not depend on those that are searched beside it."""


@dataclass(frozen=True)
class Job:
    """What is done with every entry.

    Attributes:
        scoring: what is compared.
        query: the molecules that all are laid on.
        fields: their fields.
        search: how thorough each alignment is.
        recipe: how entries are read.
        each_conformer: keep the score of every conformer, not of the best one alone.
    """

    scoring: Scoring
    query: Side
    fields: Sequence[RBFField]
    search: str
    recipe: Recipe
    each_conformer: bool


def score_chunk(chunk: Chunk, job: Job) -> Outcome:
    """The scores of some entries.

    What an entry scores depends on the others only by rounding, and not on the number of threads.
    """
    results: list[Scored | Failed] = []
    notes: list[tuple[int, str]] = []
    charges: set[str] = set()
    read: list[tuple[int, Entry, Built]] = []
    for position, entry in chunk:
        try:
            built = build_entry(entry, job.recipe)
            origin = charges_of_record(job.scoring, built)
            built = Built([job.scoring.prepared(data) for data in built.molecules], built.notes, built.computed)
        except Exception as error:
            results.append(Failed(position, fault_of_entry(error)))
            continue
        read.append((position, entry, built))
        notes += [(position, note) for note in built.notes]
        if origin == "computed" or (origin and entry.kind != "data"):
            charges.add(origin)
    with one_thread():  # sums of several threads differ in their last digits
        results += _scored(read, job)
    return Outcome(sorted(results, key=lambda result: result.position), notes, charges)


def _scored(read: list[tuple[int, Entry, Built]], job: Job) -> Iterator[Scored | Failed]:
    molecules = [data for _, _, built in read for data in built.molecules]
    aligned = _aligned(molecules, job)
    start = 0
    for position, entry, built in read:
        found = aligned[start : start + len(built.molecules)]
        start += len(built.molecules)
        poses = [one for one in found if isinstance(one, Found)]
        if not poses:
            yield Failed(position, str(found[0]))
            continue
        same = constitution(entry)
        best = max(poses, key=lambda pose: float(pose.score.max()))
        for conformer, pose in enumerate(found, start=1):
            if not isinstance(pose, Found) or not (job.each_conformer or pose is best):
                continue
            query = int(pose.score.argmax())
            yield Scored(
                position,
                entry.title,
                same,
                conformer,
                len(found),
                query,
                round(float(pose.score[query]), _DECIMALS),
                tuple(round(value, _DECIMALS) for value in pose.by_term[query].tolist()),
                tuple(pose.rotation[query].flatten().tolist()),
                tuple(pose.translation[query].tolist()),
                built.molecules[conformer - 1] if entry.kind == "smiles" else None,
            )


def _aligned(molecules: Sequence[Data], job: Job) -> list[Found | str]:
    """Of each molecule, the poses on all queries, or what is wrong."""
    results: list[Found | str] = [""] * len(molecules)
    for rows in _batches(molecules):
        for row, found in zip(rows, _tried([molecules[row] for row in rows], job), strict=True):
            results[row] = found
    return results


def _tried(molecules: Sequence[Data], job: Job) -> list[Found | str]:
    """As `_aligned`; where they fail together, without those that have no fields, else each half on its own."""
    try:
        return [*_poses(molecules, job)]
    except Exception as error:
        reason = _reason(error)
    if len(molecules) == 1:
        return [reason]
    faults = [_fault(data, job) for data in molecules]
    if not any(faults):
        half = len(molecules) // 2
        return _tried(molecules[:half], job) + _tried(molecules[half:], job)
    sound = [data for data, fault in zip(molecules, faults, strict=True) if not fault]
    found = iter(_tried(sound, job) if sound else ())
    return [fault or next(found) for fault in faults]


def _fault(data: Data, job: Job) -> str:
    """Why a molecule has no fields, or an empty text."""
    try:
        job.scoring.fields([data])
    except Exception as error:
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, MemoryError) else fault_of_entry(error)


def _poses(molecules: Sequence[Data], job: Job) -> list[Found]:
    fields = [field.to(job.query.frames.center.device) for field in job.scoring.fields(molecules)]
    check_alignable(fields, job.fields)
    side = side_of(fields, [data.pos for data in molecules], BLURS)
    count, queries = len(molecules), len(job.query)
    rows = torch.arange(count, device="cpu").repeat_interleave(queries)
    columns = torch.arange(queries, device="cpu").repeat(count)
    found = align_pairs(side, job.query, rows, columns, job.scoring.measure, PLANS[job.search])
    if not bool(found.score.isfinite().all()):
        raise ValueError("score: expected a finite number, got none; check positions and weights of the molecule")
    split: list[tuple[Tensor, ...]] = [one.split(queries) for one in found]
    return [Found(*parts) for parts in zip(*split, strict=True)]


def _batches(molecules: Sequence[Data]) -> Iterator[list[int]]:
    """Rows of molecules of similar sizes."""
    sizes = [max(1, int(data.num_nodes or 1)) for data in molecules]
    batch: list[int] = []
    for row in sorted(range(len(molecules)), key=sizes.__getitem__):
        if batch and (len(batch) + 1) * sizes[row] ** 2 > _PAIRS_OF_ATOMS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
