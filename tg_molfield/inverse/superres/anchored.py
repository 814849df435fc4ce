"""Superresolution informed by the atoms: their places are known, the heights are fitted."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.fields import RBFField, Volume
from tg_molfield.inverse.fitting import fit_rbf
from tg_molfield.inverse.superres.checks import check_volume
from tg_molfield.inverse.superres.lattice_field import krige
from tg_molfield.inverse.superres.superres_field import SuperresField

WEIGHTS = ("common", "free")


def anchored(volume: Volume, atoms: RBFField, weights: str = "common", ridge: float = 1e-6) -> SuperresField:
    """The field of known atoms that comes nearest to samples, met exactly at the nodes.

    Weights and widths come from ``atoms``, such as ``definition(data)``. Each channel is first scaled by linear
    least squares. Where that does not explain the samples, each atom can be given a weight of its own. What is left
    is kriged.

    Args:
        volume: the samples, on an orthogonal grid that is not periodic.
        atoms: the atoms' functions, with the channels of the volume.
        weights: ``"common"``, one factor for each channel; or ``"free"``, besides a correction for each atom of it.
        ridge: the penalty on squared corrections.

    Raises:
        ValueError: the channels differ, an option is unknown, or the volume is empty, constant, periodic, oblique
            or has NaN.
    """
    if weights not in WEIGHTS:
        raise ValueError(f"weights={weights!r}: choose from {', '.join(WEIGHTS)}")
    if atoms.channels != volume.channels:
        raise ValueError(f"atoms: channels {', '.join(atoms.channels)}, the volume has {', '.join(volume.channels)}")
    if not volume.grid.is_orthogonal or any(volume.periodic):
        raise ValueError("volume: must be orthogonal and not periodic")
    check_volume(volume, None, finer=False)
    exact = Volume(volume.values.detach().cpu().double(), volume.grid, volume.channels)
    start = atoms.to(torch.float64).to(torch.device("cpu"))
    values = start.on(exact.grid).values
    squares = values.square().sum((1, 2, 3))
    factors = torch.where(squares > 0, (values * exact.values).sum((1, 2, 3)) / squares.clamp_min(1e-300), 0.0)
    fitted = start.scaled(factors[None])
    rest = exact.values - values * factors[:, None, None, None]
    if weights == "free":
        fitted = _corrected(fitted, rest, exact, ridge)
        rest = exact.values - fitted.on(exact.grid).values
    nodes = krige(rest, exact)
    own = fitted.to(volume.dtype).to(volume.device)
    return SuperresField(own, nodes.to(volume.values))


def _corrected(field: RBFField, rest: Tensor, volume: Volume, ridge: float) -> RBFField:
    """The field with weights changed, atom by atom and channel by channel, towards what it leaves."""
    weights = field.weights.clone()
    for c in range(len(volume.channels)):
        used = field.weights[:, c] != 0
        if not bool(used.any()):
            continue
        widths = field.widths[used] if field.widths.ndim == 1 else field.widths[used, c]
        target = Volume(rest[c], volume.grid)
        change, _ = fit_rbf(target, field.centers[used], widths, field.kernel, regularization=ridge)
        weights[used, c] += change.weights[:, 0]
    return RBFField(field.centers, weights, field.widths, field.kernel, field.channels, atoms=field.atoms)
