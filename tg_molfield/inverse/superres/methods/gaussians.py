"""Method ``"gaussians"``: Gaussians of known width are sought in the samples; the residual is kriged."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from os import PathLike

import torch
from torch import Tensor

from tg_molfield.arguments import check_integers
from tg_molfield.fields import MolField, RBFField, Volume
from tg_molfield.inverse.lattice import Lattice, local_steps, to_global
from tg_molfield.inverse.superres.channel_regression import SCALES, concat_channels, regress_channels
from tg_molfield.inverse.superres.checkpoint import Checkpoint
from tg_molfield.inverse.superres.checks import check_orthogonal, check_volume
from tg_molfield.inverse.superres.covariance import COVARIANCES
from tg_molfield.inverse.superres.kriging_weights import estimate_weight
from tg_molfield.inverse.superres.methods.kriging import krige
from tg_molfield.inverse.superres.pursuit import EXPLAINED, Pursuit, Search
from tg_molfield.inverse.superres.report import ChannelFit
from tg_molfield.inverse.superres.solution import Progress, Solution, in_double
from tg_molfield.inverse.superres.widths import resolve_widths

_SHARE_OF_A_FUNCTION = 0.6
_CROWDED = 0.45
_OCCUPIED = 0.01
_NEGATIVE = 0.01
_NUM_RESTARTS, _MAX_ITER = 2, 8


def gaussians(
    volume: Volume,
    progress: Progress,
    max_bytes: int | None,
    *,
    widths: MolField | Sequence[float | None] | None = None,
    num_restarts: int | None = None,
    max_iter: int | None = None,
    seed: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
) -> Solution:
    """Each channel of known width is a sum of Gaussians, as many as the samples show.

    1. In every channel of known width, the Gaussians are sought ``num_restarts`` times from displaced starts, and the
       results are averaged: where the samples do not determine the field, the mean of the possible answers is the
       best estimate.
    2. Channels without a single width (all atoms, a property) are regressed on the Gaussians found, at their own, at
       narrower and at wider widths.
    3. The residual at the nodes is kriged and added where it exceeds 1e-4 of the samples, so that the field agrees
       with the samples.

    Channels of known width in which Gaussians crowd, about one for every two occupied nodes, are treated like those
    without one. Where no channel has a width, all are kriged, and options of the search are refused.

    Args:
        volume: the samples, on an orthogonal grid that is not periodic if any width is given.
        progress: see `superresolve`.
        max_bytes: see `superresolve`.
        widths: σ of each channel in Å, None where it is unknown or not the same for all functions; or a `MolField`
            that has them by channel name; ``volume.mol_field`` if not given.
        num_restarts: how many searches are averaged; 2 if None.
        max_iter: the most iterations of each search; 8 if None.
        seed: for the displaced starts; 0 if None.
        checkpoint: a ``.safetensors`` file that keeps finished searches; the same call resumes from it.

    Raises:
        ValueError: widths are neither given nor known from the volume's definition, an option is out of range, has no
            effect or does not fit the channels, the grid is oblique or periodic, or the checkpoint belongs to other
            samples or settings.
    """
    check_integers(num_restarts=num_restarts, max_iter=max_iter, seed=seed)
    for name, value in (("num_restarts", num_restarts), ("max_iter", max_iter)):
        if value is not None and value < 1:
            raise ValueError(f"{name}: expected at least 1, got {value}; leave it out for the default")
    if widths is None and isinstance(volume.mol_field, MolField):
        widths = volume.mol_field
    known = resolve_widths(volume.channels, widths)
    any_known = any(width is not None for width in known)
    if any_known:
        check_orthogonal(volume, "gaussians")
    else:
        _refuse_options_of_searches(num_restarts=num_restarts, max_iter=max_iter, seed=seed, checkpoint=checkpoint)
    num_restarts, max_iter, seed = num_restarts or _NUM_RESTARTS, max_iter or _MAX_ITER, seed or 0
    check_volume(volume, max_bytes, refined=any_known)
    if widths is None:
        raise ValueError(
            "widths: expected σ of each channel in Å or a MolField, got None for a volume without a definition; give "
            "them, or choose method='kriging'"
        )
    exact = in_double(volume)
    sought = {c: width for c, width in enumerate(known) if width is not None and _is_sparse(exact, c, width)}
    done = Checkpoint(checkpoint, exact, (known, num_restarts, max_iter, seed))
    searches = _searches(exact, sought, num_restarts, max_iter, seed, progress, done)
    functions, coefficients = _functions(exact, sought, searches)
    residual = exact.values - functions.on(exact.grid).values
    residual[_explained(residual, exact)] = 0
    nodes = krige(residual, exact) if sought else krige(residual, exact, tuple(COVARIANCES), progress)
    found = sum(len(search.mixture.pos) for runs in searches.values() for search in runs)
    fits = [_fit_of(searches.get(c, [])) for c in range(len(volume.channels))]
    return Solution(functions, nodes, 4 * found + nodes.num_parameters + coefficients, fits)


def _refuse_options_of_searches(**options: object) -> None:
    """Raise a ValueError for options that only searches use."""
    for name, value in options.items():
        if value is not None:
            raise ValueError(
                f"{name}: expected widths with it, as channels without a width are kriged without a search, got "
                f"{name}={value!r} alone; give widths or leave it out"
            )


def _fit_of(searches: list[Search]) -> ChannelFit:
    if not searches:
        return ChannelFit()
    return ChannelFit(
        converged=all(search.converged for search in searches),
        iterations=max(search.iterations for search in searches),
        functions=sum(len(search.mixture.pos) for search in searches) / len(searches),
        relative_residual=max(search.relative_residual for search in searches),
    )


def _explained(residual: Tensor, volume: Volume) -> Tensor:
    """Whether the residual of each channel [C] is too small to be worth a weight at every node."""
    return residual.flatten(1).norm(dim=1) < EXPLAINED * volume.values.flatten(1).norm(dim=1)


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
    num_restarts: int,
    max_iter: int,
    seed: int,
    progress: Progress,
    done: Checkpoint,
) -> dict[int, list[Search]]:
    """All searches by channel, those in the checkpoint included."""
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        missing = _missing(volume, sought, num_restarts, max_iter, seed, done, pool)
        if sought and not missing:
            progress("all searches are in the checkpoint", 1.0)
        for channel, restart, search in missing:
            done.put(channel, restart, search.result())
            name, count = volume.channels[channel], len(search.result().mixture.pos)
            progress(f"{name}: {count} functions", len(done.found) / (num_restarts * len(sought)))
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
    return {channel: [done.found[channel, restart] for restart in range(num_restarts)] for channel in sought}


def _missing(
    volume: Volume,
    sought: dict[int, float],
    num_restarts: int,
    max_iter: int,
    seed: int,
    done: Checkpoint,
    pool: Executor,
) -> list[tuple[int, int, Future[Search]]]:
    """The searches not in the checkpoint, started side by side, each on one thread."""
    steps, started = local_steps(volume.grid), []
    for channel, width in sought.items():
        missing = [restart for restart in range(num_restarts) if (channel, restart) not in done.found]
        if missing:
            lattice = Lattice.orthogonal(volume.values[channel], steps)
            unit = _SHARE_OF_A_FUNCTION * estimate_weight(lattice.values, steps, width)
            pursuit = Pursuit(lattice, width)
            started += [
                (channel, restart, pool.submit(pursuit.search, unit, seed * num_restarts + restart, max_iter))
                for restart in missing
            ]
    return started


def _functions(volume: Volume, sought: dict[int, float], searches: dict[int, list[Search]]) -> tuple[RBFField, int]:
    """The Gaussians found with the channels regressed on them, and the number of regression coefficients."""
    found = {
        channel: RBFField(
            to_global(torch.cat([s.mixture.pos for s in searches[channel]]), volume.grid),
            torch.cat([s.mixture.weights for s in searches[channel]]) / len(searches[channel]),
            width,
        )
        for channel, width in sought.items()
    }
    others = [c for c in range(len(volume.channels)) if c not in found]
    regressed = regress_channels(volume, found, others)
    parts = [([channel], field) for channel, field in found.items()]
    parts += [] if regressed is None else [(others, regressed)]
    return concat_channels(parts, volume.channels, volume.values), len(SCALES) * len(found) * len(others)
