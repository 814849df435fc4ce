"""Atoms found in a sketch one after another."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.nn.decoders.structure_factors.least_squares import PaddedAtoms, fit_positions
from tg_molfield.nn.decoders.structure_factors.transform import StructureFactors

_SPACING = 0.7
_REACH = 2.8
_STEPS = 3
_LAST_STEPS = 12
_NODES = 2**20
_OFFSETS = (0.8191725134, 0.6710436067, 0.5497004779)


def search(
    sketch: StructureFactors, atoms: PaddedAtoms, placed: Tensor, waves: Tensor, moments: Tensor, variant: Tensor
) -> tuple[PaddedAtoms, Tensor]:
    """The atoms with those that are not ``placed [B, n]`` put where the waves say, and the mean square left ``[B]``.

    The atom that explains most of what is left of the waves is placed at the node of a lattice where it does so, all
    atoms are moved to fit (`fit_positions`), and so on until all are placed: orthogonal matching pursuit with moving
    atoms (sliding Frank–Wolfe, Denoyelle et al. 2019, arXiv 1811.06416). The lattice fills a box about the ellipsoid
    of the molecule's second moments.

    Args:
        sketch: the map from atoms to waves.
        atoms: those wanted; positions count where ``placed``.
        placed: bool.
        waves: ``[B, 2 W]``, the sums to reach.
        moments: ``[B, 6]``, second moments summed over atoms.
        variant: ``[B]`` int64; lattices of different variants lie between each other's nodes, and often lead to
            different results where a search fails.
    """
    half = _REACH * (moments[:, :3] / atoms.mask.sum(1, keepdim=True).clamp(min=1)).clamp(min=0).sqrt() + _SPACING
    nodes = (2 * half / _SPACING + 2).prod(1)
    offset = _SPACING * (torch.frac(variant.unsqueeze(1) * waves.new_tensor(_OFFSETS) + 0.5) - 0.5)
    pos = atoms.pos.clone()
    error = torch.empty_like(waves[:, 0])
    for rows in _chunks(nodes * len(sketch.elements) / 2):
        width = int(atoms.mask[rows].sum(1).max())
        found, error[rows] = _pursue(
            sketch, atoms[rows].first(width), placed[rows, :width], waves[rows], half[rows], offset[rows]
        )
        pos[rows, :width] = found
    return atoms.at(pos), error


def worst_fitting_atoms(sketch: StructureFactors, atoms: PaddedAtoms, waves: Tensor, share: float) -> Tensor:
    """The ``share`` of each molecule's atoms, at least one, that the waves that are left speak most against ``[B, n]``.

    Args:
        sketch: the map from atoms to waves.
        atoms: where they are now.
        waves: ``[B, 2 W]``, the sums to reach.
        share: between 0 and 1.
    """
    shares = atoms.waves(sketch)
    support = (shares * (waves - shares.sum(1)).unsqueeze(1)).sum(2).masked_fill(~atoms.mask, torch.inf)
    rank = support.argsort(dim=1, stable=True).argsort(dim=1)
    return atoms.mask & (rank < (share * atoms.mask.sum(1, keepdim=True)).ceil())


def _chunks(nodes: Tensor) -> list[Tensor]:
    """Rows in order of size, in parts of a bounded number of nodes."""
    order = nodes.argsort()
    part = (nodes[order].cumsum(0) / _NODES).long()
    return [order[part == index] for index in part.unique().tolist()]


def _pursue(
    sketch: StructureFactors, atoms: PaddedAtoms, placed: Tensor, waves: Tensor, half: Tensor, offset: Tensor
) -> tuple[Tensor, Tensor]:
    points, basis = _lattice(sketch, half)
    inside = (points.abs() <= half.unsqueeze(1) + _SPACING / 2).all(2)
    counts = waves.new_zeros(len(waves), len(sketch.elements))
    counts = counts.scatter_add(1, atoms.kinds, (atoms.mask & ~placed).to(waves))
    kinds = counts.argsort(dim=1, descending=True, stable=True)[:, : max(int((counts > 0).sum(1).max()), 1)]
    phases = sketch.phases[kinds] + (offset @ sketch.waves).unsqueeze(1)
    cos, sin = phases.cos(), phases.sin()
    pos, placed = atoms.pos.clone(), placed.clone()
    row = torch.arange(len(waves), device=waves.device)
    while bool((wanted := atoms.mask & ~placed).any()):
        rest = waves - PaddedAtoms(pos, atoms.kinds, placed, atoms.weights * placed).waves(sketch).sum(1)
        rest_cos, rest_sin = rest.unsqueeze(1).chunk(2, dim=2)
        turned = torch.cat([cos * rest_cos + sin * rest_sin, cos * rest_sin - sin * rest_cos], dim=2)
        score = (turned.flatten(0, 1) @ basis.T).unflatten(0, turned.shape[:2])
        open_ = torch.zeros_like(counts).scatter_add(1, atoms.kinds, wanted.to(counts)).gather(1, kinds) > 0
        best = score.masked_fill(~(open_.unsqueeze(2) & inside.unsqueeze(1)), -torch.inf).flatten(1).argmax(1)
        kind, node = kinds[row, best // len(points)], best % len(points)
        slot = (wanted & (atoms.kinds == kind.unsqueeze(1))).int().argmax(1)
        active = wanted.any(1)
        pos[row[active], slot[active]] = points[node[active]] + offset[active]
        placed[row[active], slot[active]] = True
        pos = _fitted(sketch, atoms.at(pos), placed, waves)
    found, error = fit_positions(sketch, atoms.at(pos), waves, _LAST_STEPS)
    return found.pos, error


def _fitted(sketch: StructureFactors, atoms: PaddedAtoms, placed: Tensor, waves: Tensor) -> Tensor:
    """The positions with those that are ``placed`` moved to fit."""
    order = placed.int().argsort(dim=1, descending=True, stable=True)[:, : int(placed.sum(1).max())]
    weights = (atoms.weights * placed).gather(1, order)
    where = order.unsqueeze(2).expand(-1, -1, 3)
    part = PaddedAtoms(atoms.pos.gather(1, where), atoms.kinds.gather(1, order), weights != 0, weights)
    return atoms.pos.scatter(1, where, fit_positions(sketch, part, waves, _STEPS)[0].pos)


def _lattice(sketch: StructureFactors, half: Tensor) -> tuple[Tensor, Tensor]:
    """The nodes ``[G, 3]`` of a lattice through the origin that reach ``half [B, 3]``, and their waves ``[G, 2 W]``."""
    axes = [torch.arange(-int(k), int(k) + 1, device=half.device) for k in (half.amax(0) / _SPACING).ceil()]
    points = torch.cartesian_prod(*axes).to(half) * _SPACING
    phase = points @ sketch.waves
    return points, torch.cat([phase.cos(), phase.sin()], dim=1)
