"""The atoms of one channel: initial guesses from sharpened maxima, refinement, and revision by the residual."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from tg_molfield.fields import Kernel
from tg_molfield.inverse.find_atoms.blocks import sharpener_of
from tg_molfield.inverse.find_atoms.images import with_images
from tg_molfield.inverse.find_atoms.refine import ChannelAtoms, Model, fair_spacing
from tg_molfield.inverse.find_atoms.regions import Region, unexplained_regions
from tg_molfield.inverse.find_atoms.sharpen import Sharpener
from tg_molfield.inverse.lattice import Lattice

NOISES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Noise levels of the Wiener filter, tried in turn; the first is for exact samples."""

EXPLAINED = 2e-4
"""The relative residual at which the search ends."""

PRICE = 0.05
"""The penalty for each atom, as a fraction of the squared norm of its function."""

_ROUNDS = 6
_BLOCK = 16
"""The edge in nodes of the blocks by which atoms are ordered."""
_MISFIT = 0.1
"""The part of the worst squared residual around an atom from which an atom may be one too many."""
_CANDIDATE = 0.3
_HALF = 0.5
_MERGED = 0.25
_BESIDE = 3.0
"""How far from the cell images may be one of a pair that is joined, in cores of an atom."""
_LEFT_OVER = 0.1
_ABOVE_NOISE = 6.0
_TOO_MUCH = 1.5
_LEAST_UNIT = 0.1
_RESIDUAL_NOISE = 1e-2
_ROUGHLY = 0.04
"""The relative residual at which the first search of a part ends: the atoms around it have given way to wrong ones."""


@dataclass(frozen=True)
class Found:
    """Atoms found by a search.

    Attributes:
        atoms: all of one scale.
        explains: whether they leave next to nothing of the samples.
        score: the squared residual with the price of the atoms added.
    """

    atoms: ChannelAtoms
    explains: bool
    score: float

    @property
    def rank(self) -> tuple[bool, float]:
        """What explains the samples comes first, then what has the lower score."""
        return not self.explains, self.score


def search(
    lattice: Lattice, kernel: Kernel, width: float, scale: float | None, explained: float = EXPLAINED
) -> ChannelAtoms:
    """The fewest equal functions of known shape whose sum explains the samples.

    Args:
        lattice: the samples.
        kernel: φ.
        width: σ in Å.
        scale: the factor in front of the functions; estimated if not given.
        explained: the relative residual at which to stop.
    """
    best = _best(lattice, kernel, width, scale, explained)
    if best.explains or not len(best.atoms.pos):
        return best.atoms
    finer = lattice.coarsened(_HALF * fair_spacing(kernel, width))
    return Model(finer, kernel, width).refined(best.atoms, scale is None, steps=3)


def _best(lattice: Lattice, kernel: Kernel, width: float, scale: float | None, explained: float) -> Found:
    """What is found at the noise level that serves best; the arguments are those of `search`."""
    coarse = Model(lattice.coarsened(fair_spacing(kernel, width)), kernel, width)
    best = Found(ChannelAtoms(lattice.axes.new_zeros(0, 3), scale or 1.0), False, coarse.size**2)
    for noise in NOISES:
        start = _start(lattice, sharpener_of(lattice, kernel, width, noise), scale, coarse.core)
        if start is not None:
            found = _pursue(lattice, coarse, start, scale is None, explained)
            best = min(best, found, key=lambda found: found.rank)
        if best.explains:
            break
    return best


def _start(lattice: Lattice, sharpener: Sharpener, scale: float | None, core: float) -> ChannelAtoms | None:
    places, heights = sharpener.peaks(lattice.values, _CANDIDATE, scale)
    if not len(places):
        return None
    atoms = ChannelAtoms(places, scale or float(heights.median()))
    if not _plausible(atoms, lattice.values, sharpener.integral):
        return None
    return ChannelAtoms(_apart(lattice, places, _MERGED * core), atoms.scale)


def _apart(lattice: Lattice, pos: Tensor, distance: float) -> Tensor:
    """The points [N, 3] without those closer than ``distance`` to an earlier one or its images."""
    owner, places = with_images(lattice, pos, distance)
    pairs = cKDTree(places.cpu().numpy()).query_pairs(distance, output_type="ndarray")
    first, second = owner[torch.from_numpy(pairs.T).to(pos.device)]
    kept = torch.ones(len(pos), dtype=torch.bool, device=pos.device)
    kept[torch.maximum(first, second)[first != second]] = False
    return pos[kept]


def _nearest_joined(pos: Tensor, misfit: Tensor, pairs: int, images: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """The points [N, 3] with the closest pairs replaced by their means, where the samples are explained worst.

    Args:
        pos: [N, 3].
        misfit: [N], the squared residual around each.
        pairs: how many to replace, no point twice.
        images: the points with their periodic images, as `with_images` gives them.
    """
    bad = (misfit >= _MISFIT * misfit.max()).nonzero()[:, 0]
    owner, places = (torch.arange(len(pos)), pos) if images is None else images
    around = places.cpu().numpy()
    distances, neighbors = cKDTree(around).query(around[bad.cpu().numpy()], k=2)
    taken: set[int] = set()
    means: list[Tensor] = []
    for row in distances[:, 1].argsort(kind="stable"):
        first = int(bad[row])
        image = next(int(other) for other in neighbors[row] if other != first)
        second = int(owner[image])
        if len(means) < pairs and first != second and not taken & {first, second}:
            taken |= {first, second}
            means.append(places[[first, image]].mean(0))
    others = torch.ones(len(pos), dtype=torch.bool, device=pos.device)
    others[list(taken)] = False
    return torch.cat([pos[others], *(mean[None] for mean in means)])


def _plausible(atoms: ChannelAtoms, values: Tensor, integral: float) -> bool:
    """Whether each atom is a fair part of the highest sample, and all of them integrate to no more than the samples."""
    total = len(atoms.pos) * atoms.scale * integral
    return atoms.scale >= _LEAST_UNIT * float(values.max()) and total <= _TOO_MUCH * float(values.sum())


def _pursue(lattice: Lattice, model: Model, atoms: ChannelAtoms, fit_scale: bool, explained: float) -> Found:
    """The best of what a few rounds of refinement and revision find.

    Args:
        lattice: all samples.
        model: on every k-th node of the lattice.
        atoms: where to start.
        fit_scale: whether to refine the common scale too.
        explained: the relative residual at which to stop.
    """
    best: Found | None = None
    unit = _CANDIDATE * float(model.target.max()) if fit_scale else atoms.scale
    for turn in range(_ROUNDS):
        atoms = model.refined(_ordered(model.lattice, atoms), fit_scale, steps=12, explained=explained)
        residual = model.residual(atoms)
        found = _judged(model, atoms, residual, unit, explained)
        best = found if best is None or found.rank < best.rank else best
        if found.explains:
            best = _inside(model, best, fit_scale, unit, explained)
            break
        regions = unexplained_regions(lattice, model, atoms, residual, explained)
        enough = explained if turn else max(explained, _ROUGHLY)
        changed = _mended(lattice, model, atoms, regions, enough) or _revised(model, atoms, residual)
        if changed is None:
            break
        atoms = changed
    assert best is not None
    return best


def _inside(model: Model, found: Found, fit_scale: bool, unit: float, explained: float) -> Found:
    """Atoms without those outside the lattice, which no sample shows, where the others explain the samples, too."""
    kept = model.lattice.contains(found.atoms.pos)
    if bool(kept.all()) or not bool(kept.any()):
        return found
    atoms = ChannelAtoms(found.atoms.pos[kept], found.atoms.scale)
    atoms = model.refined(_ordered(model.lattice, atoms), fit_scale, steps=12, explained=explained)
    other = _judged(model, atoms, model.residual(atoms), unit, explained)
    return other if other.explains else found


def _ordered(lattice: Lattice, atoms: ChannelAtoms) -> ChannelAtoms:
    """The atoms block by block of the lattice, so that their nodes are read from nearby places in memory."""
    x, y, z = lattice.fractional(atoms.pos).div(_BLOCK).floor().long().unbind(1)
    across, along = (math.ceil(count / _BLOCK) for count in lattice.values.shape[1:])
    return ChannelAtoms(atoms.pos[((x * across + y) * along + z).argsort(stable=True)], atoms.scale)


def _judged(model: Model, atoms: ChannelAtoms, residual: Tensor, unit: float, explained: float) -> Found:
    """Atoms with their score, where ``unit`` is the scale that the price of an atom is for."""
    square = float(residual.norm()) ** 2
    price = PRICE * len(atoms.pos) * unit**2 * model.norm_of_one
    return Found(atoms, square**0.5 <= explained * model.size, square + price)


def _mended(
    lattice: Lattice, model: Model, atoms: ChannelAtoms, regions: list[Region], explained: float
) -> ChannelAtoms | None:
    """The atoms with those of each region replaced where a search of it alone finds better; None where none does.

    What is wrong in one part of a large field thus costs no work in the others.
    """
    kept = torch.ones(len(atoms.pos), dtype=torch.bool, device=atoms.pos.device)
    better: list[Tensor] = []
    for region in regions:
        samples = Model(region.lattice.coarsened(fair_spacing(model.kernel, model.width)), model.kernel, model.width)
        before = _judged(samples, region.atoms, samples.residual(region.atoms), atoms.scale, explained)
        after = _best(region.lattice, model.kernel, model.width, atoms.scale, explained)
        if after.rank < before.rank:
            kept[region.replaced] = False
            better.append(lattice.wrapped(after.atoms.pos))
    return ChannelAtoms(torch.cat([atoms.pos[kept], *better]), atoms.scale) if better else None


def _revised(model: Model, atoms: ChannelAtoms, residual: Tensor) -> ChannelAtoms | None:
    """The atoms without those of no weight, with one more where an atom weighs two or the residual has a maximum.

    Where both are too many, as where an atom of two leaves a maximum beside it, only the first are added.

    If there are more than the integral of the samples allows, the closest two are merged, or half of the pairs too many
    where there are more, of those where the samples are explained worst; likewise, half of what is missing is added.
    """
    sharpener = sharpener_of(model.lattice, model.kernel, model.width, _RESIDUAL_NOISE)
    weights = model.weights(atoms)
    keep = (weights > _HALF) & model.lattice.contains(atoms.pos)
    allowed = float(model.target.sum()) / (atoms.scale * sharpener.integral)
    if bool(keep.all()) and len(atoms.pos) > max(allowed + _HALF, 1):
        excess = len(atoms.pos) - allowed
        misfit = model.misfit(atoms, residual)
        images = with_images(model.lattice, atoms.pos, _BESIDE * model.core)
        joined = ChannelAtoms(_nearest_joined(atoms.pos, misfit, max(1, int(excess / 2)), images), atoms.scale)
        return joined if _plausible(joined, model.lattice.values, sharpener.integral) else None
    double = atoms.pos[keep & (weights > 1 + _HALF)]
    nudge = _CANDIDATE * model.core * torch.nn.functional.normalize(torch.ones_like(double), dim=1)
    places, heights = sharpener.peaks(residual, _LEFT_OVER, atoms.scale)
    many = heights > _HALF * atoms.scale
    if not bool(many.any()):
        many = heights > _ABOVE_NOISE * sharpener.rms(residual)
        many[max(1, int((allowed - len(atoms.pos)) / 2)) :] = False
    if bool(keep.all()) and not len(double) and not bool(many.any()):
        return None
    pos = torch.cat([atoms.pos[keep], double + nudge])
    for more in (places[many], places[:0]) if len(double) else (places[many],):
        changed = ChannelAtoms(_apart(model.lattice, torch.cat([pos, more]), _MERGED * model.core), atoms.scale)
        if len(changed.pos) and _plausible(changed, model.lattice.values, sharpener.integral):
            return changed
    return None
