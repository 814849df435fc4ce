"""`superresolve`: a field from its samples alone, finer than they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from os import PathLike

import torch
from torch import Tensor

from tg_molfield.fields import MolField, RBFField, Volume
from tg_molfield.inverse.superres.checkpoint import Checkpoint
from tg_molfield.inverse.superres.checks import check_volume
from tg_molfield.inverse.superres.covariance import COVARIANCES
from tg_molfield.inverse.superres.cross import SCALES, joined, predict
from tg_molfield.inverse.superres.kriging import estimate_weight
from tg_molfield.inverse.superres.lattice import Lattice, local_steps, to_global
from tg_molfield.inverse.superres.lattice_field import krige
from tg_molfield.inverse.superres.pursuit import EXPLAINED, Pursuit, Search
from tg_molfield.inverse.superres.report import SuperresReport, report_of
from tg_molfield.inverse.superres.superres_field import SuperresField
from tg_molfield.inverse.superres.widths import widths_of
from tg_molfield.metrics import psnr

METHODS = ("mixture", "kriging")

_SHARE_OF_A_FUNCTION = 0.6
_CROWDED = 0.45
_OCCUPIED = 0.01
_NEGATIVE = 0.01

Progress = Callable[[str, float], None]


def superresolve(
    volume: Volume,
    widths: MolField | Sequence[float | None] | None = None,
    method: str = "mixture",
    *,
    members: int = 2,
    rounds: int = 8,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | PathLike[str] | None = None,
    max_bytes: int | None = None,
) -> tuple[SuperresField, SuperresReport]:
    """The field that samples on a grid most likely come from; it sees the samples and no atoms.

    ``"kriging"`` is the best linear answer: functions at the nodes, whose kind (`COVARIANCES`) and width are the
    likeliest under a Gaussian process. ``"mixture"`` knows more: that a channel is a sum of Gaussians of a known
    width.

    1. In every channel of known width the Gaussians are sought, ``members`` times from displaced starts. Their
       mean is taken: where the samples do not tell, it lies between the possible answers, which is the best guess.
    2. Channels without one width (all atoms, a property) are predicted by least squares from the Gaussians found,
       at their own, at narrower and at wider widths.
    3. What is left at the nodes, where it is more than 1e-4 of the samples, is kriged and added, so that the field
       meets the samples.

    Channels of known width in which Gaussians crowd, about one for every two occupied nodes, are treated as
    those without. All is computed in double precision; the result has the type of the volume.

    Args:
        volume: the samples; to seek Gaussians in, on an orthogonal grid that is not periodic.
        widths: σ of each channel in Å, None where it is not known or not one; or the definition that
            tells, by the names of its channels.
        method: ``"mixture"`` or ``"kriging"``. Without widths both are the same.
        members: how many searches are averaged.
        rounds: the most rounds of each.
        seed: of the displaced starts.
        progress: called with what is being done and the share that is done, from 0 to 1.
        checkpoint: a ``.safetensors`` file to keep finished searches in and to go on from.
        max_bytes: of memory to use; what is free if not given.

    Returns:
        The field and a report.

    Raises:
        ValueError: the volume is empty, constant or has NaN, functions are sought in a periodic or oblique one, or an
            option is out of range.
        MemoryError: the volume is too large; raised before any work.
    """
    started = time.perf_counter()
    if method not in METHODS:
        raise ValueError(f"method={method!r}: choose from {', '.join(METHODS)}")
    if members < 1 or rounds < 1:
        raise ValueError(f"members={members}, rounds={rounds}: must be at least 1")
    known = widths_of(volume.channels, widths)
    known = known if method == "mixture" else (None,) * len(known)
    finer = any(width is not None for width in known)
    if finer and (not volume.grid.is_orthogonal or any(volume.periodic)):
        raise ValueError("volume: is oblique or periodic, in which no functions are sought; choose method='kriging'")
    check_volume(volume, max_bytes, finer)
    exact = Volume(volume.values.detach().cpu().double(), volume.grid, volume.channels, periodic=volume.periodic)
    sought = {c: width for c, width in enumerate(known) if width is not None and _is_sparse(exact, c, width)}
    done = Checkpoint(checkpoint, exact, (known, members, rounds, seed))
    searches = _searches(exact, sought, members, rounds, seed, progress or (lambda text, share: None), done)
    functions, shares = _functions(exact, sought, searches)
    rest = exact.values - functions.on(exact.grid).values
    rest[_explained(rest, exact)] = 0
    nodes = krige(rest, exact, ("gaussian",) if sought else tuple(COVARIANCES))
    field = functions.to(volume.dtype).to(volume.device)
    result = SuperresField(field, nodes.to(volume.values))
    numbers = int((nodes.weights != 0).sum()) + shares
    report = report_of(searches, volume.channels, numbers, psnr(result, volume, volume.grid), volume.values.numel())
    return result, replace(report, seconds=time.perf_counter() - started)


def _explained(rest: Tensor, volume: Volume) -> Tensor:
    """Whether so little is left of each channel [C] that it is not worth a number at every node."""
    return rest.flatten(1).norm(dim=1) < EXPLAINED * volume.values.flatten(1).norm(dim=1)


def _is_sparse(volume: Volume, channel: int, width: float) -> bool:
    """Whether the functions of a channel can be told apart: it is nowhere negative and they do not crowd."""
    values, steps = volume.values[channel], local_steps(volume.grid)
    highest = float(values.max())
    if highest <= 0 or float(values.min()) < -_NEGATIVE * highest:
        return False
    weight = estimate_weight(values, steps, width)
    count = float(values.sum()) * volume.grid.voxel_volume / (weight * (2 * torch.pi) ** 1.5 * width**3)
    return count < _CROWDED * int((values > _OCCUPIED * highest).sum())


def _searches(
    volume: Volume,
    sought: dict[int, float],
    members: int,
    rounds: int,
    seed: int,
    progress: Progress,
    done: Checkpoint,
) -> dict[int, list[Search]]:
    steps, threads = local_steps(volume.grid), torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for channel, member, search in _missing(volume, sought, steps, members, rounds, seed, done, pool):
            done.put(channel, member, search.result())
            name, count = volume.channels[channel], len(search.result().mixture.pos)
            progress(f"{name}: {count} functions", done.count / (members * len(sought)))
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
    return {channel: [done.found[channel, member] for member in range(members)] for channel in sought}


def _missing(
    volume: Volume,
    sought: dict[int, float],
    steps: Tensor,
    members: int,
    rounds: int,
    seed: int,
    done: Checkpoint,
    pool: Executor,
) -> list[tuple[int, int, Future[Search]]]:
    """The searches that are not done, set going side by side, each on one thread."""
    started = []
    for channel, width in sought.items():
        missing = [member for member in range(members) if (channel, member) not in done.found]
        if missing:
            lattice = Lattice(volume.values[channel], steps)
            unit = _SHARE_OF_A_FUNCTION * estimate_weight(lattice.values, steps, width)
            pursuit = Pursuit(lattice, width)
            started += [
                (channel, member, pool.submit(pursuit.search, unit, seed * members + member, rounds))
                for member in missing
            ]
    return started


def _functions(volume: Volume, sought: dict[int, float], searches: dict[int, list[Search]]) -> tuple[RBFField, int]:
    """The Gaussians found and the channels predicted from them, and how many numbers the prediction has."""
    found = {
        channel: RBFField(
            to_global(torch.cat([s.mixture.pos for s in searches[channel]]), volume.grid),
            torch.cat([s.mixture.weights for s in searches[channel]]) / len(searches[channel]),
            width,
        )
        for channel, width in sought.items()
    }
    others = [c for c in range(len(volume.channels)) if c not in found]
    predicted = predict(volume, found, others)
    parts = [([channel], field) for channel, field in found.items()]
    parts += [] if predicted is None else [(others, predicted)]
    return joined(parts, volume.channels, volume.values), len(SCALES) * len(found) * len(others)
