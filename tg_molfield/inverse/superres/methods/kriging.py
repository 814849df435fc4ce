"""Method ``"kriging"``: the best linear estimate, as functions at the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from tg_molfield.fields import Volume
from tg_molfield.inverse.lattice import local_steps
from tg_molfield.inverse.superres.checks import check_volume
from tg_molfield.inverse.superres.covariance import COVARIANCES, NESTED_SHARES
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.inverse.superres.lattice_kriging import LatticeKriging, likeliest, likeliest_each
from tg_molfield.inverse.superres.left_out import unresolved_channels
from tg_molfield.inverse.superres.nested_kriging import REFINED_NUGGET, NestedKriging, likeliest_nested
from tg_molfield.inverse.superres.report import ChannelFit
from tg_molfield.inverse.superres.solution import Progress, Solution, no_functions, volume_in_double

_NEGLIGIBLE = 3e-5
"""In parts of the peak of a channel: weights that are dropped, where values at the nodes change by no more (RMS)."""
_BORDER = 2
_CLEARLY = 0.9
_MET = 1e-3
"""The share of the samples, by norm, that solved functions may miss at the nodes."""
_NARROWER = (1.0, 0.8, 0.65, 0.5)


def kriging(volume: Volume, progress: Progress, max_bytes: int | None) -> Solution:
    """The best linear unbiased estimate of a Gaussian process, exact at the nodes, also on oblique and periodic grids.

    Each channel consists of functions at the nodes. Their kind (`COVARIANCES`) and width are the likeliest ones under
    a Gaussian process. It has no options.
    """
    check_volume(volume, max_bytes)
    exact = volume_in_double(volume)
    nodes = krige(exact.values, exact, tuple(COVARIANCES), progress)
    return Solution(no_functions(exact), [nodes], nodes.num_parameters, [ChannelFit()] * len(volume.channels))


def krige(
    residual: Tensor,
    volume: Volume,
    kinds: Sequence[str] = tuple(NESTED_SHARES),
    progress: Progress = lambda text, share: None,
) -> LatticeField:
    """Functions at the nodes that sum to ``residual`` there, each channel with its likeliest width.

    Args:
        residual: the values at the nodes [C, nx, ny, nz], float64.
        volume: gives the grid, its periodicity and the channels; weights that together are negligible compared with
            the peak of its channel are dropped.
        kinds: the covariances among which the likeliest is chosen.
        progress: called with the channel solved and the share done.
    """
    rough = [kind for kind in kinds if kind not in NESTED_SHARES]
    systems: Sequence[LatticeKriging] | None = None
    if not _factorises(volume):
        smooth = NESTED_SHARES if all(volume.periodic) else ("gaussian",)
        systems = likeliest_each(residual, volume.grid, volume.periodic, (*smooth, *rough))
    solved = []
    for c, values in enumerate(residual):
        solved.append(_likeliest(values, volume, rough) if systems is None else _solvable(values, systems[c], volume))
        system, _ = solved[c]
        text = f"{volume.channels[c]}: {system.kind} covariance, width {system.width:.2f} Å"
        progress(text, (c + 1) / len(residual))
    return _lattice_field(solved, volume)


def krige_as(lattice: LatticeField, residual: Tensor, volume: Volume) -> LatticeField:
    """`krige` with the covariances and the widths of ``lattice``."""
    pairs = zip(lattice.widths, lattice.kinds, strict=True)
    systems = [LatticeKriging(volume.grid, width, volume.periodic, kind) for width, kind in pairs]
    solved = [(system, _weights(one, system, volume)) for one, system in zip(residual, systems, strict=True)]
    return _lattice_field(solved, volume)


def _lattice_field(solved: Sequence[tuple[LatticeKriging, Tensor]], volume: Volume) -> LatticeField:
    """The systems of all channels and their weights as a field, without the weights that are negligible."""
    peaks = volume.values.flatten(1).abs().amax(1).tolist()
    values = [
        weights * _kept(weights, system, volume, peak) for (system, weights), peak in zip(solved, peaks, strict=True)
    ]
    widths, names = [system.width for system, _ in solved], [system.kind for system, _ in solved]
    return LatticeField(torch.stack(values), volume.grid, widths, volume.channels, volume.periodic, names)


def _kept(weights: Tensor, system: LatticeKriging, volume: Volume, peak: float) -> Tensor:
    """The weights [nx, ny, nz] that are not negligible: all, where small ones add up to values, as on fine grids."""
    small = weights.abs() <= _NEGLIGIBLE * peak
    lost = _at_nodes(weights * small, system, volume).square().mean().sqrt()
    return ~small if float(lost) <= _NEGLIGIBLE * peak else torch.ones_like(small)


def _likeliest(values: Tensor, volume: Volume, rough: Sequence[str]) -> tuple[LatticeKriging, Tensor]:
    """The likeliest system of one channel where covariances factorise, and its weights [nx, ny, nz].

    Smooth covariances are judged by the exact likelihood. A ``rough`` one, which only an approximate likelihood can
    judge, is taken where it also predicts each sample better from the others: clearly better where cubics predict well,
    as samples a few Å apart look rough whatever the field is.
    """
    kind, width = likeliest_nested(values, local_steps(volume.grid))
    best = LatticeKriging(volume.grid, width, volume.periodic, kind)
    best_weights = _weights(values, best, volume)
    if rough and bool(values.any()):
        unresolved = bool(unresolved_channels(values[None]))
        other = likeliest(values, volume.grid, volume.periodic, rough if unresolved else (*NESTED_SHARES, *rough))
        limit = 1.0 if unresolved else _CLEARLY
        if other.kind in rough:
            weights = _weights(values, other, volume)
            least = limit * _left_one_out(best_weights, best, volume)
            if _left_one_out(weights, other, volume) < least and _missed(values, weights, other, volume) < _MET:
                return other, weights
    return best, best_weights


def _solvable(values: Tensor, system: LatticeKriging, volume: Volume) -> tuple[LatticeKriging, Tensor]:
    """The system, narrower where its equations are too near to dependent ones to be solved, and its weights."""
    if not bool(values.any()):
        return system, torch.zeros_like(values)
    tried: list[tuple[float, LatticeKriging, Tensor]] = []
    for share in _NARROWER:
        one = replace(system, width=share * system.width)
        weights = _weights(values, one, volume)
        missed = _missed(values, weights, one, volume)
        if missed < _MET:
            return one, weights
        tried.append((missed, one, weights))
    return min(tried, key=lambda triple: triple[0])[1:]


def _missed(values: Tensor, weights: Tensor, system: LatticeKriging, volume: Volume) -> float:
    """What functions of solved weights miss at the nodes, relative to the samples."""
    return float((_at_nodes(weights, system, volume) - values).norm() / values.norm())


def _at_nodes(weights: Tensor, system: LatticeKriging, volume: Volume) -> Tensor:
    """The values [nx, ny, nz] at the nodes of functions of such weights."""
    lattice = LatticeField(weights[None], volume.grid, [system.width], ["one"], volume.periodic, [system.kind])
    return lattice.on(volume.grid).values[0]


def _left_one_out(weights: Tensor, system: LatticeKriging, volume: Volume) -> float:
    """The mean square error of each sample predicted from all others, in the interior of the grid.

    It is w_i / (K⁻¹)_ii for the solved weights w (Dubrule 1983), with (K⁻¹)_ii of the node in the middle.
    """
    impulse = torch.zeros_like(weights)
    middle = tuple(count // 2 for count in weights.shape)
    impulse[middle] = 1
    inner = tuple(slice(_BORDER, count - _BORDER) if count > 2 * _BORDER else slice(None) for count in weights.shape)
    errors = weights[inner] / _weights(impulse, system, volume)[middle]
    return float(errors.square().mean())


def _weights(values: Tensor, system: LatticeKriging, volume: Volume) -> Tensor:
    if _factorises(volume) and system.kind in NESTED_SHARES:
        steps = local_steps(volume.grid)
        nested = NestedKriging.of(volume.grid.shape, steps, system.width, nugget=REFINED_NUGGET)
        return nested.exact_weights(values, NESTED_SHARES[system.kind])
    return system.weights(values)


def _factorises(volume: Volume) -> bool:
    return volume.grid.is_orthogonal and not any(volume.periodic)
