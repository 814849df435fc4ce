"""The atoms that explain the samples of one channel, with the width of the definition or a fitted one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from tg_molfield.fields import Volume
from tg_molfield.inverse.find_atoms.channels import ElementChannel
from tg_molfield.inverse.find_atoms.pursuit import search
from tg_molfield.inverse.find_atoms.refine import ChannelAtoms, Model, fair_spacing
from tg_molfield.inverse.find_atoms.widths import estimated_width, fitted_width
from tg_molfield.inverse.lattice import Lattice

EMPTY = 0.2
"""The part of the peak below which a channel or a node counts as empty."""

EXACT = 2e-4
"""The residual below which samples are explained exactly; exact samples leave a tenth of that."""

SUSPECT = 0.03
"""The residual above which the atoms of a wrong width may be too few or too many."""

STRUCTURED = 5e-3
"""The structured residual above which atoms may be too few or too many, at any width."""

_OCCUPIED = 0.05
_HALF = 0.5
_CROWDED = 0.3
_CLOSE = 0.01
_OTHER = 0.02
_BETTER = 0.9
_ROUGHLY = 5e-3


@dataclass(frozen=True)
class Explanation:
    """Atoms found in a channel.

    Attributes:
        channel: with the width that was used.
        atoms: of the channel.
        residual: ‖samples − sum of the atoms‖ / ‖samples‖ over the occupied nodes.
        structured: the same for the part of the residual that neighbouring nodes share, unlike noise.
        estimate: σ in Å from the curvature of the samples, where they are free of noise; None elsewhere.
    """

    channel: ElementChannel
    atoms: ChannelAtoms
    residual: float
    structured: float = 0.0
    estimate: float | None = None

    @property
    def is_ambiguous(self) -> bool:
        """Whether other atoms could explain as much, because some are closer to each other than an assumed width."""
        if not self.channel.is_assumed or self.residual <= EXACT:
            return False
        return self.atoms.least_distance < self.channel.width

    @property
    def has_other_width(self) -> bool:
        """Whether the samples are Gaussians of another width than that of the channel."""
        if self.estimate is None or self.residual <= SUSPECT:
            return False
        return abs(self.estimate / self.channel.width - 1) > _OTHER


def explain(volume: Volume, channel: ElementChannel, unit: float | None, peak: float, tolerance: float) -> Explanation:
    """The atoms of a channel of ``volume``.

    Args:
        volume: the samples.
        channel: the kernel and the width; if the width is only assumed and does not explain all, others are tried.
        unit: the scale of the atoms; estimated where it is None or explains too little.
        peak: the height of an atom.
        tolerance: the residual above which another scale is tried; it is tried as well where less is left that is no
            noise.
    """
    values = volume[channel.name].values[0].detach()
    if float(values.max()) <= EMPTY * peak:
        nothing = torch.zeros(0, 3, dtype=torch.float64, device=values.device)
        return Explanation(channel, ChannelAtoms(nothing, unit or 0.0), 0.0)
    lattice = Lattice.of(values, volume.grid, volume.periodic)
    if channel.is_assumed:
        return _with_any_width(lattice, channel, unit, peak, tolerance)
    found = _with_known_width(lattice, channel, unit, peak, tolerance)
    estimate = None
    if found.residual > EXACT and channel.kernel.name == "gaussian":
        estimate = estimated_width(lattice)
    return replace(found, estimate=estimate.exact if estimate is not None and estimate.is_consistent else None)


def _with_any_width(
    lattice: Lattice, channel: ElementChannel, unit: float | None, peak: float, tolerance: float
) -> Explanation:
    """The atoms with the assumed width where that explains the samples as well as any, else with the one that fits."""
    estimate = estimated_width(lattice)
    is_free_of_noise = estimate is not None and estimate.is_consistent
    if estimate is not None and is_free_of_noise and abs(estimate.exact / channel.width - 1) > _CLOSE:
        found = _fitted(lattice, replace(channel, width=estimate.exact), unit, peak)
        if found.residual <= EXACT:
            return found
    found = _with_known_width(lattice, channel, unit, peak, tolerance)
    if found.residual <= EXACT:
        return found
    if not is_free_of_noise and len(found.atoms.pos):
        nearby = _with_fitted_width(lattice, found, peak, fit_scale=True)
        if nearby.residual > _BETTER * found.residual:
            return found
    start = channel if estimate is None else replace(channel, width=estimate.best)
    for scale in (unit, None) if is_free_of_noise else (None,):
        other = _fitted(lattice, start, scale, peak)
        if other.residual < _BETTER * found.residual:
            found = other
        if found.residual <= EXACT:
            break
    return found


def _with_known_width(
    lattice: Lattice, channel: ElementChannel, unit: float | None, peak: float, tolerance: float
) -> Explanation:
    found = _evaluated(lattice, channel, search(lattice, channel.kernel, channel.width, unit), peak)
    crowded = found.atoms.least_distance < _CROWDED
    doubtful = found.structured > STRUCTURED and not channel.is_assumed
    if unit is not None and (found.residual > tolerance or doubtful or crowded):
        other = _evaluated(lattice, channel, search(lattice, channel.kernel, channel.width, None), peak)
        as_good = other.residual < min(tolerance, max(found.residual, EXACT) / _HALF)
        exact = other.residual <= EXACT and other.atoms.least_distance >= _CROWDED
        better = other.residual < _HALF * found.residual and (exact or crowded or found.residual > tolerance)
        if better or (crowded and as_good):
            return other
    return found


def _fitted(lattice: Lattice, channel: ElementChannel, unit: float | None, peak: float) -> Explanation:
    """The atoms sought with the width of the channel, which is then fitted."""
    atoms = search(lattice, channel.kernel, channel.width, unit, explained=_ROUGHLY)
    found = _evaluated(lattice, channel, atoms, peak)
    if not len(atoms.pos):
        return found
    found = _with_fitted_width(lattice, found, peak, fit_scale=unit is None)
    if EXACT < found.residual < _ROUGHLY:
        again = _with_known_width(lattice, found.channel, unit, peak, tolerance=1.0)
        return min(found, again, key=lambda one: one.residual)
    return found


def _with_fitted_width(lattice: Lattice, found: Explanation, peak: float, fit_scale: bool) -> Explanation:
    channel = found.channel
    width, atoms = fitted_width(lattice, channel.kernel, channel.width, found.atoms, fit_scale)
    return _evaluated(lattice, replace(channel, width=width), atoms, peak)


def _evaluated(lattice: Lattice, channel: ElementChannel, atoms: ChannelAtoms, peak: float) -> Explanation:
    samples = lattice.coarsened(fair_spacing(channel.kernel, channel.width))
    left = Model(samples, channel.kernel, channel.width).residual(atoms)
    occupied = (samples.values > EMPTY * peak) | (samples.values - left > _OCCUPIED * peak)
    size = float(samples.values[occupied].square().sum())
    if size == 0:
        return Explanation(channel, atoms, 1.0, 1.0)
    left = left * occupied
    lines = [left.movedim(axis, 0) for axis in range(3)]
    shared = sum(float((line[1:] * line[:-1]).sum()) for line in lines) / 3
    residual = (float(left.square().sum()) / size) ** 0.5
    return Explanation(channel, atoms, residual, (max(shared, 0.0) / size) ** 0.5)
