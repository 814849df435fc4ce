"""The Gaussians sought in all channels of known width, and the other channels regressed on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from os import PathLike

import torch
from torch import Tensor

from tg_molfield.arguments import as_path, check_counts, check_seed
from tg_molfield.fields import RBFField, Volume
from tg_molfield.inverse.lattice import Lattice, local_steps, to_global
from tg_molfield.inverse.superres.channel_regression import concat_channels, regress_channels
from tg_molfield.inverse.superres.checkpoint import Checkpoint
from tg_molfield.inverse.superres.kriging_weights import estimate_weight
from tg_molfield.inverse.superres.pursuit import Pursuit, Search, start_from_finer
from tg_molfield.inverse.superres.report import ChannelFit
from tg_molfield.inverse.superres.solution import Progress

_NUM_RESTARTS, _MAX_ITER = 2, 8
_SHARE_OF_A_FUNCTION = 0.6
_CROWDED = 0.45
_OCCUPIED = 0.01
_NEGATIVE = 0.01


@dataclass(frozen=True)
class Seen:
    """What one search sees.

    Args:
        values: the samples [C, nx, ny, nz], with estimates where they are left out.
        nodes: which are samples [nx, ny, nz]; all if None.
        finer: estimates of channels on a finer lattice, from which their search starts.
    """

    values: Tensor
    nodes: Tensor | None = None
    finer: Mapping[int, Lattice] = field(default_factory=dict)


def search_settings(
    num_restarts: int | None, max_iter: int | None, seed: int | None, checkpoint: str | PathLike[str] | None
) -> tuple[int, int, int]:
    """The first three options of a search: those given, or the defaults.

    Raises:
        TypeError: ``checkpoint`` is no name of a file.
        ValueError: one is out of range.
    """
    if seed is not None:
        check_seed(seed)
    check_counts(1, num_restarts=num_restarts, max_iter=max_iter)
    if checkpoint is not None:
        as_path(checkpoint, "checkpoint")
    return int(num_restarts or _NUM_RESTARTS), int(max_iter or _MAX_ITER), int(seed or 0)


def sparse_channels(volume: Volume, widths: Sequence[float | None]) -> dict[int, float]:
    """The channels whose Gaussians can be told apart, with their widths."""
    return {c: width for c, width in enumerate(widths) if width is not None and _is_sparse(volume, c, width)}


def _is_sparse(volume: Volume, channel: int, width: float) -> bool:
    """Whether the functions of a channel can be told apart: it is nowhere negative and they do not crowd."""
    values, steps = volume.values[channel], local_steps(volume.grid)
    highest = float(values.max())
    if highest <= 0 or float(values.min()) < -_NEGATIVE * highest:
        return False
    weight = estimate_weight(values, steps, width)
    count = float(values.sum()) * volume.grid.voxel_volume / (weight * (2 * torch.pi) ** 1.5 * width**3)
    return count < _CROWDED * int((values > _OCCUPIED * highest).sum())


def run_searches(
    volume: Volume,
    sought: dict[int, float],
    views: Sequence[Seen],
    max_iter: int,
    seed: int,
    progress: Progress,
    done: Checkpoint,
) -> dict[int, list[Search]]:
    """The searches of all channels, one for each view, those in the checkpoint included.

    Args:
        volume: gives the grid and the channels.
        sought: the channels and their widths.
        views: what each search sees.
        max_iter: see `Pursuit.search`.
        seed: for the displaced starts.
        progress: called with each finished search and the share that is done.
        done: finished searches.
    """
    threads, restarts = torch.get_num_threads(), range(len(views))
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        missing = _missing(volume, sought, views, max_iter, seed, done, pool)
        if sought and not missing:
            progress("all searches are in the checkpoint", 1.0)
        for channel, restart, search in missing:
            done.put(channel, restart, search.result())
            name, count = volume.channels[channel], len(search.result().mixture.pos)
            progress(f"{name}: {count} functions", len(done.found) / (len(views) * len(sought)))
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
    return {channel: [done.found[channel, restart] for restart in restarts] for channel in sought}


def _missing(
    volume: Volume,
    sought: dict[int, float],
    views: Sequence[Seen],
    max_iter: int,
    seed: int,
    done: Checkpoint,
    pool: Executor,
) -> list[tuple[int, int, Future[Search]]]:
    """The searches not in the checkpoint, started side by side, each on one thread."""
    steps, started = local_steps(volume.grid), []
    for channel, width in sought.items():
        for restart, view in enumerate(views):
            if (channel, restart) in done.found:
                continue
            lattice = Lattice.orthogonal(view.values[channel], steps)
            unit = _SHARE_OF_A_FUNCTION * estimate_weight(lattice.values, steps, width)
            number, finer = seed * len(views) + restart, view.finer.get(channel)
            work = pool.submit(_search, lattice, width, view.nodes, finer, unit, number, max_iter)
            started.append((channel, restart, work))
    return started


def _search(
    lattice: Lattice,
    width: float,
    seen: Tensor | None,
    finer: Lattice | None,
    unit: float,
    number: int,
    max_iter: int,
) -> Search:
    start = None if finer is None else start_from_finer(finer, width, unit)
    return Pursuit(lattice, width, seen).search(unit, number, max_iter, start)


def go_on(
    volume: Volume, sought: dict[int, float], searches: dict[int, list[Search]], max_iter: int, seed: int
) -> dict[int, list[Search]]:
    """The searches continued with all samples."""
    steps, threads = local_steps(volume.grid), torch.get_num_threads()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        started = {}
        for channel, width in sought.items():
            lattice = Lattice.orthogonal(volume.values[channel], steps)
            unit = _SHARE_OF_A_FUNCTION * estimate_weight(lattice.values, steps, width)
            pursuit, runs = Pursuit(lattice, width), searches[channel]
            numbers = (seed * len(runs) + restart for restart in range(len(runs)))
            started[channel] = [
                pool.submit(pursuit.search, unit, number, max_iter, run.mixture)
                for run, number in zip(runs, numbers, strict=True)
            ]
        found = {channel: [one.result() for one in futures] for channel, futures in started.items()}
    torch.set_num_threads(threads)
    return found


def found_functions(
    volume: Volume,
    sought: dict[int, float],
    searches: dict[int, list[Search]],
    unknown: Sequence[int],
    seen: Tensor | None = None,
) -> RBFField:
    """The Gaussians found, averaged over searches, with the channels of unknown width regressed on them.

    Args:
        volume: the samples.
        sought: the channels and their widths.
        searches: by channel.
        unknown: the channels without a width.
        seen: the nodes that the regression sees [nx, ny, nz]; all if not given.
    """
    found = {
        channel: RBFField(
            to_global(torch.cat([s.mixture.pos for s in searches[channel]]), volume.grid),
            torch.cat([s.mixture.weights for s in searches[channel]]) / len(searches[channel]),
            width,
        )
        for channel, width in sought.items()
    }
    regressed = regress_channels(volume, found, list(unknown), seen)
    parts = [([channel], field) for channel, field in found.items()]
    parts += [] if regressed is None else [(list(unknown), regressed)]
    return concat_channels(parts, volume.channels, volume.values)


def fit_of(searches: Sequence[Search]) -> ChannelFit:
    """The part of a report about the searches of one channel."""
    if not searches:
        return ChannelFit()
    return ChannelFit(
        converged=all(search.converged for search in searches),
        iterations=max(search.iterations for search in searches),
        functions=sum(len(search.mixture.pos) for search in searches) / len(searches),
        relative_residual=max(search.relative_residual for search in searches),
    )
