"""Method ``"auto"``: in each channel the method, or the mixture of methods, that predicts samples left out best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

import torch
from torch import Tensor

from tg_molfield.fields import MolField, RBFField, Volume
from tg_molfield.inverse.lattice import Lattice, local_steps
from tg_molfield.inverse.superres.blend import BETWEEN_NODES, best_shares, decibels
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
from tg_molfield.inverse.superres.left_out import first_left_out, from_neighbors, kriged_from_others, left_out_nodes
from tg_molfield.inverse.superres.methods.gaussians import unexplained
from tg_molfield.inverse.superres.methods.kriging import krige, krige_as
from tg_molfield.inverse.superres.methods.learned import Correction, definition_of
from tg_molfield.inverse.superres.prior.inputs import Known
from tg_molfield.inverse.superres.prior.triples import Triple, triples
from tg_molfield.inverse.superres.pursuit import Search
from tg_molfield.inverse.superres.report import ChannelFit
from tg_molfield.inverse.superres.solution import Progress, Solution, in_double, no_functions
from tg_molfield.inverse.superres.widths import resolve_widths

_KNOWN_ERROR = 0.03
"""The relative error at samples left out below which the functions of a channel count as known."""
_SPLINE_BETTER = 0.3
"""How many dB better cubics through the neighbours have to predict than a mixture, to be preferred."""


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
    one to the other, as known from other proteins, counts in the choice (`blend.BETWEEN_NODES`).

    Args:
        volume: the samples.
        progress: see `superresolve`.
        max_bytes: see `superresolve`.
        widths: σ of each channel in Å, None where it is unknown or not the same for all functions; or a `MolField`
            that has them by channel name; ``volume.mol_field`` if not given. Without widths no Gaussians are sought,
            and without a `MolField` the network is not used.
        num_restarts: how many searches are averaged; 2 if None.
        max_iter: the most iterations of each search; 8 if None.
        seed: for the displaced starts; 0 if None.
        checkpoint: a ``.safetensors`` file that keeps finished searches; the same call resumes from it.

    Raises:
        ValueError: an option is out of range or does not fit the channels, or the checkpoint belongs to other samples
            or settings.
    """
    restarts, iterations, first_seed = search_settings(num_restarts, max_iter, seed)
    definition = definition_of(volume, widths)
    known = resolve_widths(volume.channels, definition if widths is None else widths)
    check_volume(volume, max_bytes, refined=any(width is not None for width in known))
    exact = in_double(volume)
    kriged = krige(exact.values, exact, tuple(COVARIANCES), lambda text, share: progress(text, 0.1 * share))
    if not exact.grid.is_orthogonal or any(exact.periodic):
        progress("kriged", 1.0)
        fits = [ChannelFit(shares={"kriging": 1.0})] * len(exact.channels)
        return Solution(no_functions(exact), [kriged], kriged.num_parameters, fits)
    views = [_View.of(exact, number) for number in range(restarts)]
    sought = sparse_channels(exact, known)
    done = Checkpoint(checkpoint, exact, (known, restarts, iterations, first_seed, "left out"))
    found, _ = triples(exact, definition, known)
    judged = _Judged(exact, kriged, views)
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
    solution = _assembled(exact, kriged, sought, searches, found, judged)
    progress("the methods were mixed", 1.0)
    return solution


@dataclass(frozen=True)
class _View:
    """Samples of which some are left out.

    Args:
        first: the first node left out.
        left_out: those nodes [nx, ny, nz].
        values: the samples [C, nx, ny, nz], with estimates by kriging at the nodes left out.
    """

    first: tuple[int, int, int]
    left_out: Tensor
    values: Tensor

    @classmethod
    def of(cls, volume: Volume, number: int) -> _View:
        first = first_left_out(number)
        mask = left_out_nodes(tuple(volume.grid.shape), first)
        return cls(first, mask, _estimated(volume.values, volume, mask))


def _estimated(values: Tensor, volume: Volume, left_out: Tensor) -> Tensor:
    """Values [C, nx, ny, nz] with kriged estimates where they are left out."""
    steps = local_steps(volume.grid)
    return torch.stack([kriged_from_others(channel, steps, left_out) for channel in values])


class _Judged:
    """The predictions of each method at the nodes left out, by channel."""

    def __init__(self, volume: Volume, kriged: LatticeField, views: Sequence[_View]) -> None:
        self._volume, self._kriged, self._views = volume, kriged, views
        inner = torch.zeros(tuple(volume.grid.shape), dtype=torch.bool)
        inner[2:-2, 2:-2, 2:-2] = True
        self._judged = [view.left_out & inner for view in views]
        self.truth = self._of_views([volume.values] * len(views))
        self.predictions: dict[str, list[list[Tensor]]] = {
            "kriging": self._of_views([view.values for view in views]),
        }
        self._sought: set[int] = set()
        self.known: set[int] = set()
        """The channels whose functions count as known."""
        self.neighbors = [self._of_views([one] * len(views)) for one in from_neighbors(volume.values)]

    def _of_views(self, values: Sequence[Tensor]) -> list[list[Tensor]]:
        """The values of each view at its nodes, by channel and view."""
        pairs = list(zip(values, self._judged, strict=False))
        return [[one[c][mask] for one, mask in pairs] for c in range(len(self._volume.channels))]

    def judge_gaussians(self, sought: dict[int, float], searches: dict[int, list[Search]]) -> None:
        """Predict from the functions of each search, and kriged residuals."""
        volume, predicted = self._volume, []
        for number, view in enumerate(self._views):
            one = {channel: [runs[number]] for channel, runs in searches.items()}
            functions = found_functions(volume, sought, one, ~view.left_out).on(volume.grid).values
            residual = volume.values - functions
            predicted.append(functions + _estimated(residual, volume, view.left_out))
        self.predictions["gaussians"] = self._of_views(predicted)
        self._sought = set(sought)
        for channel in sought:
            truth = torch.cat(self.truth[channel])
            error = torch.cat(self.predictions["gaussians"][channel]) - truth
            if 0 < float(error.norm()) < _KNOWN_ERROR * float(truth.norm()):
                self.known.add(channel)

    def judge_network(self, found: Sequence[Triple]) -> list[dict[int, Lattice]]:
        """Predict by the network.

        Returns:
            For every second view its estimates of carbon and nitrogen on a finer lattice. Searches that start from
            different places err differently, and their mean is better than either.
        """
        if not found:
            return [{} for _ in self._views]
        predicted: list[Tensor] = []
        finer: list[dict[int, Lattice]] = []
        for number, view in enumerate(self._views):
            correction = self._correction(view)
            for triple in found:
                correction.add(triple, left_out=view.first)
            predicted.append(view.values + correction.fine().on(self._volume.grid).values)
            finer.append({} if number % 2 else correction.finer)
        values = self._of_views(predicted)
        covered = {c for triple in found for c in triple}
        self.predictions["learned"] = [one if c in covered else [] for c, one in enumerate(values)]
        return finer

    def judge_informed_network(self, triple: Triple, searches: dict[int, list[Search]]) -> None:
        """Predict by the network anew, from the first view, where carbon or nitrogen are known."""
        known = _known(triple, self.known, {c: runs[:1] for c, runs in searches.items()})
        if not any(known):
            return
        view = self._views[0]
        correction = self._correction(view)
        correction.add(triple, known, view.first)
        values = self._of_views([view.values + correction.fine().on(self._volume.grid).values])
        for c, functions in zip(triple, (*known, None), strict=True):
            self.predictions["learned"][c] = [] if functions is not None else values[c]

    def _correction(self, view: _View) -> Correction:
        seen = Volume(view.values, self._volume.grid, self._volume.channels)
        return Correction(seen, krige_as(self._kriged, view.values, seen))

    def fit(self, channel: int) -> ChannelFit:
        """The shares of the methods in a channel, and the scores of all at the samples left out."""
        names = [name for name, predicted in self.predictions.items() if predicted[channel]]
        views = min(len(self.predictions[name][channel]) for name in names)
        truth = torch.cat(self.truth[channel][:views])
        predictions = {name: torch.cat(self.predictions[name][channel][:views]) for name in names}
        shares = best_shares(truth, predictions, BETWEEN_NODES[channel in self._sought])
        mixed = torch.stack([share * predictions[name] for name, share in shares.items()]).sum(0)
        linear, cubic = (torch.cat(one[channel][:views]) for one in self.neighbors)
        peak = float(self._volume.values[channel].abs().max())
        everything = {"trilinear": linear, "spline": cubic, **predictions, "mixture": mixed}
        scores = {name: decibels(truth, prediction, peak) for name, prediction in everything.items()}
        if scores["spline"] > scores["mixture"] + _SPLINE_BETTER:
            shares = {"spline": 1.0}
        return ChannelFit(shares={k: v for k, v in shares.items() if v}, left_out=scores)


def _known(triple: Triple, channels: set[int], searches: dict[int, list[Search]]) -> tuple[Known | None, Known | None]:
    """The functions of carbon and nitrogen, averaged over searches, where their channels are known."""

    def functions(channel: int) -> Known | None:
        if channel not in channels:
            return None
        runs = [run.mixture for run in searches[channel]]
        return Known(torch.cat([run.pos for run in runs]), torch.cat([run.weights for run in runs]) / len(runs))

    carbon, nitrogen, _ = triple
    return functions(carbon), functions(nitrogen)


def _assembled(
    volume: Volume,
    kriged: LatticeField,
    sought: dict[int, float],
    searches: dict[int, list[Search]],
    found: Sequence[Triple],
    judged: _Judged,
) -> Solution:
    """The methods' fields in their shares, exact at the nodes."""
    fits = [judged.fit(c) for c in range(len(volume.channels))]

    def share(method: str) -> Tensor:
        return torch.tensor([fit.shares.get(method, 0.0) for fit in fits], dtype=torch.float64)

    functions, lattices, count = no_functions(volume), [], 0
    if bool(share("gaussians").any()):
        every = found_functions(volume, sought, searches)
        functions = every.scaled(share("gaussians")[None])
        used = (functions.weights != 0).any(1)
        functions = RBFField(
            functions.centers[used], functions.weights[used], functions.widths[used], channels=volume.channels
        )
        lattices.append(_shared(krige(unexplained(every, volume), volume), share("gaussians")))
        count = 4 * len(functions.centers)
    correction = Correction(volume, kriged)
    for triple in found:
        correction.add(triple, _known(triple, judged.known, searches))
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
