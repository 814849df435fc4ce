"""Method ``"kriging"``: the best linear estimate, as functions at the nodes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tg_molfield.fields import RBFField, Volume
from tg_molfield.inverse.lattice import local_steps
from tg_molfield.inverse.superres.checks import check_volume
from tg_molfield.inverse.superres.covariance import COVARIANCES
from tg_molfield.inverse.superres.kriging_weights import kriging_weights, likely_width
from tg_molfield.inverse.superres.lattice_field import LatticeField
from tg_molfield.inverse.superres.lattice_kriging import LatticeKriging, likeliest
from tg_molfield.inverse.superres.report import ChannelFit
from tg_molfield.inverse.superres.solution import Progress, Solution, in_double

_NEGLIGIBLE = 3e-5


def kriging(volume: Volume, progress: Progress, max_bytes: int | None) -> Solution:
    """The best linear unbiased estimate of a Gaussian process, exact at the nodes, also on oblique and periodic grids.

    Each channel consists of functions at the nodes. Their kind (`COVARIANCES`) and width are the likeliest ones under
    a Gaussian process. It has no options.
    """
    check_volume(volume, max_bytes)
    exact = in_double(volume)
    nodes = krige(exact.values, exact, tuple(COVARIANCES), progress)
    channels = len(volume.channels)
    none = torch.zeros(0, channels, dtype=torch.float64)
    functions = RBFField(none.new_zeros(0, 3), none, channels=volume.channels)
    return Solution(functions, nodes, nodes.num_parameters, [ChannelFit()] * channels)


def krige(
    residual: Tensor,
    volume: Volume,
    kinds: Sequence[str] = ("gaussian",),
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
    peaks = volume.values.flatten(1).abs().amax(1)
    systems, weights = [], []
    for c, values in enumerate(residual):
        systems.append(_likeliest(values, volume, kinds))
        weights.append(_weights(values, systems[c], volume))
        text = f"{volume.channels[c]}: {systems[c].kind} covariance, width {systems[c].width:.2f} Å"
        progress(text, (c + 1) / len(residual))
    values = torch.stack(weights)
    kept = values.abs() > _NEGLIGIBLE * peaks[:, None, None, None]
    widths, names = [system.width for system in systems], [system.kind for system in systems]
    return LatticeField(values * kept, volume.grid, widths, volume.channels, volume.periodic, names)


def _likeliest(values: Tensor, volume: Volume, kinds: Sequence[str]) -> LatticeKriging:
    """The likeliest system of one channel; the likelihood is exact for Gaussians on a grid where they factorise."""
    system = None if tuple(kinds) == ("gaussian",) else likeliest(values, volume.grid, volume.periodic, kinds)
    if _factorises(volume) and (system is None or system.kind == "gaussian"):
        width = likely_width(values, local_steps(volume.grid))[0]
        return LatticeKriging(volume.grid, width, volume.periodic)
    return system or likeliest(values, volume.grid, volume.periodic, kinds)


def _weights(values: Tensor, system: LatticeKriging, volume: Volume) -> Tensor:
    if _factorises(volume) and system.kind == "gaussian":
        return kriging_weights(values, local_steps(volume.grid), system.width)
    return system.weights(values)


def _factorises(volume: Volume) -> bool:
    return volume.grid.is_orthogonal and not any(volume.periodic)
