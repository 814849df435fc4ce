"""How well methods predict samples that are left out, and the shares they get for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.fields import Volume
from tg_molfield.inverse.lattice import Lattice, local_steps
from tg_molfield.inverse.superres.blend import BETWEEN_NODES, best_shares, decibels
from tg_molfield.inverse.superres.gaussian_search import found_functions
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.inverse.superres.left_out import first_left_out, from_neighbors, kriged_from_others, left_out_nodes
from tg_molfield.inverse.superres.methods.kriging import krige_as
from tg_molfield.inverse.superres.methods.learned import Correction
from tg_molfield.inverse.superres.prior.inputs import Known
from tg_molfield.inverse.superres.prior.triples import Triple
from tg_molfield.inverse.superres.pursuit import Search
from tg_molfield.inverse.superres.report import ChannelFit

_KNOWN_ERROR = 0.03
"""The relative error at samples left out below which the functions of a channel count as known."""
_SPLINE_BETTER = 0.3
"""How many dB better cubics through the neighbours have to predict than a mixture, to be preferred."""


@dataclass(frozen=True)
class View:
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
    def of(cls, volume: Volume, number: int) -> View:
        first = first_left_out(number)
        mask = left_out_nodes(tuple(volume.grid.shape), first)
        return cls(first, mask, _estimated(volume.values, volume, mask))


def _estimated(values: Tensor, volume: Volume, left_out: Tensor) -> Tensor:
    """Values [C, nx, ny, nz] with kriged estimates where they are left out."""
    steps = local_steps(volume.grid)
    return torch.stack([kriged_from_others(channel, steps, left_out) for channel in values])


class Judgement:
    """The predictions of each method at the nodes left out, by channel.

    Args:
        volume: the samples.
        kriged: from all of them.
        views: what is left out.
        unknown: the channels without a width.
    """

    def __init__(self, volume: Volume, kriged: LatticeField, views: Sequence[View], unknown: Sequence[int]) -> None:
        self._volume, self._kriged, self._views, self._unknown = volume, kriged, views, unknown
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
            functions = found_functions(volume, sought, one, self._unknown, ~view.left_out).on(volume.grid).values
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
        known = known_functions(triple, self.known, {c: runs[:1] for c, runs in searches.items()})
        if not any(known):
            return
        view = self._views[0]
        correction = self._correction(view)
        correction.add(triple, known, view.first)
        values = self._of_views([view.values + correction.fine().on(self._volume.grid).values])
        for c, functions in zip(triple, (*known, None), strict=True):
            self.predictions["learned"][c] = [] if functions is not None else values[c]

    def _correction(self, view: View) -> Correction:
        seen = Volume(view.values, self._volume.grid, self._volume.channels)
        return Correction(seen, krige_as(self._kriged, view.values, seen))

    def fit(self, channel: int) -> ChannelFit:
        """The shares of the methods in a channel, and the scores of all at the samples left out, if there are any."""
        names = [name for name, predicted in self.predictions.items() if predicted[channel]]
        views = min(len(self.predictions[name][channel]) for name in names)
        truth = torch.cat(self.truth[channel][:views])
        predictions = {name: torch.cat(self.predictions[name][channel][:views]) for name in names}
        shares = best_shares(truth, predictions, BETWEEN_NODES[channel in self._sought])
        if not truth.numel():
            return ChannelFit(shares={name: share for name, share in shares.items() if share})
        mixed = torch.stack([share * predictions[name] for name, share in shares.items()]).sum(0)
        linear, cubic = (torch.cat(one[channel][:views]) for one in self.neighbors)
        peak = float(self._volume.values[channel].abs().max())
        everything = {"trilinear": linear, "spline": cubic, **predictions, "mixture": mixed}
        scores = {name: decibels(truth, prediction, peak) for name, prediction in everything.items()}
        if scores["spline"] > scores["mixture"] + _SPLINE_BETTER:
            shares = {"spline": 1.0}
        return ChannelFit(shares={k: v for k, v in shares.items() if v}, left_out=scores)


def known_functions(
    triple: Triple, channels: set[int], searches: dict[int, list[Search]]
) -> tuple[Known | None, Known | None]:
    """The functions of carbon and nitrogen, averaged over searches, where their channels are known."""

    def functions(channel: int) -> Known | None:
        if channel not in channels:
            return None
        runs = [run.mixture for run in searches[channel]]
        return Known(torch.cat([run.pos for run in runs]), torch.cat([run.weights for run in runs]) / len(runs))

    carbon, nitrogen, _ = triple
    return functions(carbon), functions(nitrogen)
