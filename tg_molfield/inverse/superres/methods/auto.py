"""Method ``"auto"``: in each channel the method, or the mixture of methods, that predicts samples left out best."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from os import PathLike

import torch
from torch import Tensor

from tg_molfield.callers import caller_level
from tg_molfield.fields import MolField, RBFField, Volume
from tg_molfield.inverse.superres.checkpoint import Checkpoint
from tg_molfield.inverse.superres.checks import check_volume
from tg_molfield.inverse.superres.covariance import COVARIANCES
from tg_molfield.inverse.superres.gaussian_search import (
    Seen,
    fit_of,
    found_functions,
    go_on,
    run_searches,
    search_settings,
    sparse_channels,
)
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.inverse.superres.methods.agreement import agreed_channels
from tg_molfield.inverse.superres.methods.gaussians import unexplained
from tg_molfield.inverse.superres.methods.judgement import Judgement, View, known_functions
from tg_molfield.inverse.superres.methods.kriging import krige, krige_as
from tg_molfield.inverse.superres.methods.learned import Correction, definition_of
from tg_molfield.inverse.superres.prior.triples import Triple, triples
from tg_molfield.inverse.superres.pursuit import Search
from tg_molfield.inverse.superres.report import ChannelFit, SuperresWarning
from tg_molfield.inverse.superres.solution import Progress, Solution, no_functions, volume_in_double
from tg_molfield.inverse.superres.widths import is_sum_of_gaussians, resolve_widths

_ENOUGH = 7
"""Nodes along an axis of which every search leaves some out two nodes from the border."""


def auto(
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
    """In each channel what predicts samples left out best: spline, kriging, Gaussians, the network, or a mixture.

    Every search for Gaussians leaves out one sample in 27, others each time, and is judged there; so is kriging, and
    the network once. The searches then go on with all samples, and the result is exact at all nodes. What was left out,
    and how each method predicted it, is in the report. Where Gaussians were found that explain carbon or nitrogen, the
    network is told of them. On oblique or periodic grids all channels are kriged.

    A sample left out is a whole step from the nearest, and points between the nodes are not; what methods gain from the
    one to the other, as known from other proteins, counts in the choice (`blend.BETWEEN_NODES`). Gaussians that explain
    the samples, and on which searches from different starts agree between the nodes better than kriging does, are taken
    without it.

    Args:
        volume: the samples.
        progress: see `superresolve`.
        max_bytes: see `superresolve`.
        widths: σ of each channel in Å, None where it is unknown or not the same for all functions; or a `MolField`
            that has them by channel name; ``volume.mol_field`` if not given and a sum of Gaussians. Without widths no
            Gaussians are sought, and without a `MolField` the network is not used.
        num_restarts: how many searches are averaged; 2 if None.
        max_iter: the most iterations of each search; 8 if None.
        seed: for the displaced starts; 0 if None.
        checkpoint: a ``.safetensors`` file that keeps finished searches; the same call resumes from it.

    Raises:
        ValueError: an option is out of range or does not fit the channels, or the checkpoint belongs to other samples
            or settings.

    Warns:
        SuperresWarning: the grid is too small to leave out samples away from its border; channels are kriged then, or
            Gaussians where searches agree.
    """
    restarts, iterations, first_seed = search_settings(num_restarts, max_iter, seed, checkpoint)
    definition = definition_of(volume, widths)
    if widths is None and definition is not None and not is_sum_of_gaussians(definition):
        definition = None
    known = resolve_widths(volume.channels, definition if widths is None else widths)
    check_volume(volume, max_bytes, refined=any(width is not None for width in known))
    exact = volume_in_double(volume)
    kriged = krige(exact.values, exact, tuple(COVARIANCES), lambda text, share: progress(text, 0.1 * share))
    if not exact.grid.is_orthogonal or any(exact.periodic):
        progress("kriged", 1.0)
        fits = [ChannelFit(shares={"kriging": 1.0})] * len(exact.channels)
        return Solution(no_functions(exact), [kriged], kriged.num_parameters, fits)
    views = [View.of(exact, number) for number in range(restarts)]
    sought = sparse_channels(exact, known)
    done = Checkpoint(checkpoint, exact, (known, restarts, iterations, first_seed, "left out"))
    found, _ = triples(exact, definition, known)
    unknown = [c for c, width in enumerate(known) if width is None]
    judged = Judgement(exact, kriged, views, unknown)
    finer = judged.judge_network(found)
    progress("samples left out were predicted by the network", 0.2)
    searches = run_searches(
        exact,
        sought,
        [Seen(view.values, ~view.left_out, estimates) for view, estimates in zip(views, finer, strict=True)],
        iterations,
        first_seed,
        lambda text, share: progress(text, 0.2 + 0.5 * share),
        done,
    )
    if sought:
        judged.judge_gaussians(sought, searches)
        for triple in found:
            judged.judge_informed_network(triple, searches)
        searches = go_on(exact, sought, searches, iterations, first_seed)
    progress("the searches went on with all samples", 0.9)
    solution = _assembled(exact, kriged, sought, searches, unknown, found, judged)
    progress("the methods were mixed", 1.0)
    _warn_of_unjudged(exact, solution.fits)
    return solution


def _warn_of_unjudged(volume: Volume, fits: Sequence[ChannelFit]) -> None:
    """Tell of channels without a sample left out that is two nodes or more from the border."""
    unjudged = [name for name, fit in zip(volume.channels, fits, strict=True) if not fit.left_out]
    if unjudged:
        warnings.warn(
            f"volume: expected {_ENOUGH} nodes along each axis, to leave out samples two nodes from the border, got "
            f"{'×'.join(map(str, volume.grid.shape))}; methods could not be compared in {', '.join(unjudged)}, give "
            "more nodes or choose a method",
            SuperresWarning,
            stacklevel=caller_level(),
        )


def _assembled(
    volume: Volume,
    kriged: LatticeField,
    sought: dict[int, float],
    searches: dict[int, list[Search]],
    unknown: Sequence[int],
    found: Sequence[Triple],
    judged: Judgement,
) -> Solution:
    """The methods' fields in their shares, exact at the nodes."""
    fits = [judged.fit(c) for c in range(len(volume.channels))]
    every = found_functions(volume, sought, searches, unknown)
    for channel in agreed_channels(volume, kriged, every, sought, searches, unknown):
        fits[channel] = fits[channel]._replace(shares={"gaussians": 1.0})

    def share(method: str) -> Tensor:
        return torch.tensor([fit.shares.get(method, 0.0) for fit in fits], dtype=torch.float64)

    functions, lattices, count = no_functions(volume), [], 0
    if bool(share("gaussians").any()):
        functions = every.scaled(share("gaussians")[None])
        used = (functions.weights != 0).any(1)
        functions = RBFField(
            functions.centers[used], functions.weights[used], functions.widths[used], channels=volume.channels
        )
        lattices.append(_shared(krige(unexplained(every, volume), volume), share("gaussians")))
        count = 4 * len(functions.centers)
    correction = Correction(volume, kriged)
    for triple in found:
        correction.add(triple, known_functions(triple, judged.known, searches))
    fine = _shared(correction.fine(), share("learned"))
    linear = (share("kriging") + share("learned"))[:, None, None, None]
    nodes = krige_as(kriged, linear * volume.values - fine.on(volume.grid).values, volume)
    lattices += [nodes, *([fine] if fine.num_parameters else [])]
    spline = share("spline")
    interpolated = None
    if bool(spline.any()):
        samples = Volume(spline[:, None, None, None] * volume.values, volume.grid, volume.channels)
        interpolated = samples.interpolated("cubic")
        count += int(spline.sum()) * volume.grid.num_nodes
    parameters = count + sum(lattice.num_parameters for lattice in lattices)
    pairs = zip(fits, (fit_of(searches.get(c, [])) for c in range(len(volume.channels))), strict=True)
    told = [of_search._replace(shares=fit.shares, left_out=fit.left_out) for fit, of_search in pairs]
    return Solution(functions, lattices, parameters, told, interpolated)


def _shared(lattice: LatticeField, shares: Tensor) -> LatticeField:
    """A lattice field with each channel multiplied by its share."""
    weights = lattice.weights * shares[:, None, None, None]
    return LatticeField(weights, lattice.grid, lattice.widths, lattice.channels, lattice.periodic, lattice.kinds)
