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
from tg_molfield.inverse.superres.lattice_kriging import LatticeKriging, likeliest
from tg_molfield.inverse.superres.left_out import unresolved_channels
from tg_molfield.inverse.superres.nested_kriging import REFINED_NUGGET, NestedKriging, likeliest_nested
from tg_molfield.inverse.superres.report import ChannelFit
from tg_molfield.inverse.superres.solution import Progress, Solution, in_double, no_functions

_NEGLIGIBLE = 3e-5
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
    exact = in_double(volume)
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
        volume: gives the grid, its periodicity and the channels; weights that are negligible compared with the
            peak of its channel are dropped.
        kinds: the covariances among which the likeliest is chosen.
        progress: called with the channel solved and the share done.
    """
    systems = []
    for c, values in enumerate(residual):
        systems.append(_likeliest(values, volume, kinds))
        text = f"{volume.channels[c]}: {systems[c].kind} covariance, width {systems[c].width:.2f} Å"
        progress(text, (c + 1) / len(residual))
    return _solved(residual, systems, volume)


def krige_as(lattice: LatticeField, residual: Tensor, volume: Volume) -> LatticeField:
    """`krige` with the covariances and the widths of ``lattice``."""
    pairs = zip(lattice.widths, lattice.kinds, strict=True)
    systems = [LatticeKriging(volume.grid, width, volume.periodic, kind) for width, kind in pairs]
    return _solved(residual, systems, volume)


def _solved(residual: Tensor, systems: Sequence[LatticeKriging], volume: Volume) -> LatticeField:
    peaks = volume.values.flatten(1).abs().amax(1)
    values = torch.stack([_weights(one, system, volume) for one, system in zip(residual, systems, strict=True)])
    kept = values.abs() > _NEGLIGIBLE * peaks[:, None, None, None]
    widths, names = [system.width for system in systems], [system.kind for system in systems]
    return LatticeField(values * kept, volume.grid, widths, volume.channels, volume.periodic, names)


def _likeliest(values: Tensor, volume: Volume, kinds: Sequence[str]) -> LatticeKriging:
    """The likeliest system of one channel.

    Where they factorise, smooth covariances are judged by the exact likelihood. A rough one, which only an approximate
    likelihood can judge, is taken where it also predicts each sample better from the others: clearly better where
    cubics predict well, as samples a few Å apart look rough whatever the field is.
    """
    rough = [kind for kind in kinds if kind not in NESTED_SHARES]
    if not _factorises(volume):
        smooth = NESTED_SHARES if all(volume.periodic) else ("gaussian",)
        return _solvable(values, likeliest(values, volume.grid, volume.periodic, (*smooth, *rough)), volume)
    kind, width = likeliest_nested(values, local_steps(volume.grid))
    best = LatticeKriging(volume.grid, width, volume.periodic, kind)
    if rough and bool(values.any()):
        unresolved = bool(unresolved_channels(values[None]))
        other = likeliest(values, volume.grid, volume.periodic, rough if unresolved else (*NESTED_SHARES, *rough))
        limit = 1.0 if unresolved else _CLEARLY
        if other.kind in rough:
            weights = _weights(values, other, volume)
            least = limit * _left_one_out(_weights(values, best, volume), best, volume)
            if _left_one_out(weights, other, volume) < least and _missed(values, weights, other, volume) < _MET:
                return other
    return best


def _solvable(values: Tensor, system: LatticeKriging, volume: Volume) -> LatticeKriging:
    """The system, narrower where its equations are too near to dependent ones to be solved by conjugate gradients."""
    if not bool(values.any()):
        return system
    tried: list[tuple[float, LatticeKriging]] = []
    for share in _NARROWER:
        one = replace(system, width=share * system.width)
        missed = _missed(values, _weights(values, one, volume), one, volume)
        if missed < _MET:
            return one
        tried.append((missed, one))
    return min(tried, key=lambda pair: pair[0])[1]


def _missed(values: Tensor, weights: Tensor, system: LatticeKriging, volume: Volume) -> float:
    """What functions of solved weights miss at the nodes, relative to the samples."""
    lattice = LatticeField(weights[None], volume.grid, [system.width], ["one"], volume.periodic, [system.kind])
    return float((lattice.on(volume.grid).values[0] - values).norm() / values.norm())


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
