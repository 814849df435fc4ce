"""Method ``"known_atoms"``: the positions of the atoms are given, their weights are fitted."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from tg_molfield.arguments import check_choice, check_not_negative
from tg_molfield.callers import caller_level
from tg_molfield.fields import RBFField, Volume
from tg_molfield.inverse.fitting import fit_rbf
from tg_molfield.inverse.superres.checks import check_orthogonal, check_volume
from tg_molfield.inverse.superres.methods.kriging import krige
from tg_molfield.inverse.superres.report import ChannelFit, SuperresWarning
from tg_molfield.inverse.superres.solution import Progress, Solution, volume_in_double

WEIGHTS = ("common", "free")

_OTHER = 0.7
"""The part of the samples, by norm, from which on atoms that leave it seem to be of another field."""


def known_atoms(
    volume: Volume,
    progress: Progress,
    max_bytes: int | None,
    *,
    atoms: RBFField | None = None,
    weights: str = "common",
    ridge: float | None = None,
) -> Solution:
    """Functions at known atoms, fitted to the samples; exact at the nodes.

    Weights and widths start from ``atoms``, such as ``mol_field(data)``. Linear least squares scales each channel.
    Where that does not explain the samples, each atom can have a weight of its own. The residual is kriged.

    Args:
        volume: the samples, on an orthogonal grid that is not periodic.
        progress: see `superresolve`.
        max_bytes: see `superresolve`.
        atoms: the functions of the atoms, with the channels of the volume.
        weights: ``"common"``, one factor for each channel; or ``"free"``, followed by a correction for each atom.
        ridge: the penalty on squared corrections of ``weights="free"``; 1e-6 if None.

    Warns:
        SuperresWarning: the atoms explain less than half of a channel (by squares): others, elsewhere, in other units.

    Raises:
        TypeError: ``atoms`` is not an `RBFField`.
        ValueError: the channels differ, an option is out of range or has no effect, or the grid is periodic or oblique.
    """
    check_choice("weights", weights, WEIGHTS, "see superresolve")
    if atoms is None:
        raise ValueError("atoms: expected the functions of the atoms, got None; give atoms=mol_field(data)")
    if not isinstance(atoms, RBFField):
        raise TypeError(f"atoms: expected an RBFField, got {type(atoms).__name__}; give atoms=mol_field(data)")
    if ridge is not None and weights != "free":
        raise ValueError(f"ridge: expected weights='free' with it, got {weights!r}; leave ridge out")
    if ridge is not None:
        check_not_negative("ridge", ridge, "the default is 1e-6")
    if atoms.channels != volume.channels:
        raise ValueError(
            f"atoms: expected the volume's channels {', '.join(volume.channels)}, got {', '.join(atoms.channels)}; "
            "select them with atoms[names]"
        )
    check_orthogonal(volume, "known_atoms")
    check_volume(volume, max_bytes)
    exact = volume_in_double(volume)
    start = atoms.to(torch.device("cpu"), torch.float64)
    values = start.on(exact.grid).values
    squares = values.square().sum((1, 2, 3))
    factors = torch.where(squares > 0, (values * exact.values).sum((1, 2, 3)) / squares.clamp_min(1e-300), 0.0)
    fitted = start.scaled(factors[None])
    residual = exact.values - values * factors[:, None, None, None]
    if weights == "free":
        fitted = _corrected(fitted, residual, exact, 1e-6 if ridge is None else ridge)
        residual = exact.values - fitted.on(exact.grid).values
    progress(f"{len(fitted.centers)} atoms", 0.5)
    nodes = krige(residual, exact, progress=lambda text, share: progress(text, 0.5 + 0.5 * share))
    used = fitted.weights != 0
    parameters = fitted.centers.numel() + int(used.sum()) + nodes.num_parameters
    fits = _fits(used, residual, exact)
    _warn_of_other_atoms((atoms.weights != 0).any(0).tolist(), fits, exact)
    return Solution(fitted, [nodes], parameters, fits)


def _warn_of_other_atoms(given: list[bool], fits: list[ChannelFit], volume: Volume) -> None:
    """Warn of channels that have samples, and atoms ``given`` that explain less than half of their squares."""
    names = [
        f"{name} ({fit.relative_residual:.0%} of it left)"
        for name, has_atoms, fit, values in zip(volume.channels, given, fits, volume.values, strict=True)
        if has_atoms and fit.relative_residual > _OTHER and bool(values.any())
    ]
    if names:
        warnings.warn(
            f"atoms: expected those of the samples, got others or elsewhere in {', '.join(names)}, where their "
            "functions explain little and most is kriged; check the structure, its units and the definition",
            SuperresWarning,
            stacklevel=caller_level(),
        )


def _corrected(field: RBFField, residual: Tensor, volume: Volume, ridge: float) -> RBFField:
    """The field with each weight corrected, channel by channel, to reduce its residual."""
    weights = field.weights.clone()
    for c in range(len(volume.channels)):
        used = field.weights[:, c] != 0
        if not bool(used.any()):
            continue
        widths = field.widths[used] if field.widths.ndim == 1 else field.widths[used, c]
        target = Volume(residual[c], volume.grid)
        change, _ = fit_rbf(target, field.centers[used], widths, field.kernel, regularization=ridge)
        weights[used, c] += change.weights[:, 0]
    return RBFField(field.centers, weights, field.widths, field.kernel, field.channels, atoms=field.atoms)


def _fits(used: Tensor, residual: Tensor, volume: Volume) -> list[ChannelFit]:
    """The fit of each channel from its weights in use [N, C] and its residual."""
    left, whole = residual.flatten(1).norm(dim=1), volume.values.flatten(1).norm(dim=1)
    relative = torch.where(whole > 0, left / whole.clamp_min(1e-300), 1.0)
    pairs = zip(used.sum(0).tolist(), relative.tolist(), strict=True)
    return [ChannelFit(functions=count, relative_residual=share) for count, share in pairs]
