"""Atoms found in structure factors one after another."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.devices import is_on_host
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.decoders.structure_factors.lattice import Lattice
from tg_molfield.nn.decoders.structure_factors.least_squares import fit_positions, mean_square_residual
from tg_molfield.nn.decoders.structure_factors.plausibility import CLOSEST, FARTHEST
from tg_molfield.nn.ops.short_products import phases
from tg_molfield.nn.ops.structure_factors import StructureFactors

_SPACING = 1.0
_REACH = 2.8
_STEPS, _QUICK_STEPS = 3, 2
"""Steps of the fit after each atom; in quick searches for all but the last."""
_NODES_ON_CPU, _NODES = 2**20, 2**25
"""How many nodes of all kinds are scored at once."""
_OFFSET_SEEDS = 4096
"""The number of lattices, so few that single precision tells them apart."""
_OFFSETS = (0.8191725134, 0.6710436067, 0.5497004779)


def search(
    transform: StructureFactors,
    atoms: PaddedAtoms,
    placed: Tensor,
    factors: Tensor,
    moments: Tensor,
    seed: Tensor,
    bound: Tensor | None = None,
    quick: bool = False,
) -> tuple[PaddedAtoms, Tensor]:
    """Place the atoms that are not ``placed [B, n]``; returns all atoms and the mean square residual ``[B]``.

    In turn, the atom that reduces the residual most is placed at the best node of a lattice, and all atoms are refined
    (`fit_positions`), until none is missing: orthogonal matching pursuit with moving atoms (sliding Frank–Wolfe,
    Denoyelle et al. 2019, arXiv 1811.06416). The lattice fills a box around the ellipsoid of second moments.

    Args:
        transform: from atoms to structure factors.
        atoms: all atoms; positions count where ``placed``.
        placed: bool.
        factors: ``[B, 2 W]``, the structure factors to match.
        moments: ``[B, 6]``, second moments summed over atoms.
        seed: ``[B]`` int64; shifts the lattice, which often changes the result where a search fails.
        bound: ``[B]`` bool: in which molecules each atom is placed near another but upon none; in none if None.
        quick: whether to fit less closely before the last atom is placed, which finds fewer of many atoms.
    """
    half = _REACH * (moments[:, :3] / atoms.mask.sum(1, keepdim=True).clamp(min=1)).clamp(min=0).sqrt() + _SPACING
    nodes = (2 * half / _SPACING + 2).prod(1)
    seed = (seed % _OFFSET_SEEDS).unsqueeze(1)
    offset = _SPACING * (torch.frac(seed * factors.new_tensor(_OFFSETS) + 0.5) - 0.5)
    pos = atoms.pos.clone()
    error = torch.empty_like(factors[:, 0])
    for rows in _chunks(nodes * len(transform.elements) / 2):
        width = int(atoms.mask[rows].sum(1).max())
        own = None if bound is None or not bool(bound[rows].any()) else bound[rows]
        found, error[rows] = _pursue(
            transform, atoms[rows].first(width), placed[rows, :width], factors[rows], half[rows], offset[rows], own,
            _QUICK_STEPS if quick else _STEPS,
        )  # fmt: skip
        pos[rows, :width] = found
    return atoms.at(pos), error


def support_of(transform: StructureFactors, atoms: PaddedAtoms, factors: Tensor) -> Tensor:
    """How well the residual against ``factors [B, 2 W]`` agrees with each atom ``[B, n]``; infinity for none."""
    shares = atoms.structure_factors(transform)
    return (shares * (factors - shares.sum(1)).unsqueeze(1)).sum(2).masked_fill(~atoms.mask, torch.inf)


def worst_fitting_atoms(atoms: PaddedAtoms, support: Tensor, share: float, least: int = 1) -> Tensor:
    """The ``share`` of each molecule's atoms with the least ``support [B, n]``, at least ``least``, ``[B, n]`` bool."""
    rank = support.argsort(dim=1, stable=True).argsort(dim=1)
    return atoms.mask & (rank < (share * atoms.mask.sum(1, keepdim=True)).ceil().clamp(min=least))


def _chunks(nodes: Tensor) -> list[Tensor]:
    """Rows sorted by their number of nodes, in chunks of bounded size."""
    order = nodes.argsort()
    part = (nodes[order].cumsum(0) / (_NODES_ON_CPU if is_on_host(nodes) else _NODES)).long()
    return [order[part == index] for index in part.unique().tolist()]


def _pursue(
    transform: StructureFactors,
    atoms: PaddedAtoms,
    placed: Tensor,
    factors: Tensor,
    half: Tensor,
    offset: Tensor,
    bound: Tensor | None,
    steps: int,
) -> tuple[Tensor, Tensor]:
    lattice = Lattice(transform, half, _SPACING)
    counts = factors.new_zeros(len(factors), len(transform.elements))
    counts = counts.scatter_add(1, atoms.kinds, (atoms.mask & ~placed).to(factors))
    kinds = counts.argsort(dim=1, descending=True, stable=True)[:, : max(int((counts > 0).sum(1).max()), 1)]
    angles = transform.phases[kinds] + phases(offset, transform.wave_vectors).unsqueeze(1)
    cos, sin = angles.cos(), angles.sin()
    pos, placed = atoms.pos.clone(), placed.clone()
    error = mean_square_residual(transform, atoms, factors)
    row = torch.arange(len(factors), device=factors.device)
    most = int((atoms.mask & ~placed).sum(1).max())
    for number in range(most):
        wanted = atoms.mask & ~placed
        known = PaddedAtoms(pos, atoms.kinds, placed, atoms.weights * placed)
        rest_cos, rest_sin = (factors - known.structure_factors(transform).sum(1)).unsqueeze(1).chunk(2, dim=2)
        open_ = torch.zeros_like(counts).scatter_add(1, atoms.kinds, wanted.to(counts)).gather(1, kinds) > 0
        near = None if bound is None else placed & bound.unsqueeze(1)
        likely = None if near is None else lattice.near(pos - offset.unsqueeze(1), near, CLOSEST, FARTHEST)
        best, node = lattice.best(cos * rest_cos + sin * rest_sin, cos * rest_sin - sin * rest_cos, open_, likely)
        slot = (wanted & (atoms.kinds == kinds[row, best].unsqueeze(1))).int().argmax(1)
        active = wanted.any(1)
        pos[row, slot] = torch.where(active.unsqueeze(1), node + offset, pos[row, slot])
        placed[row, slot] |= active
        pos, error = _fitted(transform, atoms.at(pos), placed, factors, _STEPS if number == most - 1 else steps)
    return pos, error


def _fitted(
    transform: StructureFactors, atoms: PaddedAtoms, placed: Tensor, factors: Tensor, steps: int
) -> tuple[Tensor, Tensor]:
    """The positions after refining the atoms that are ``placed``, and the mean square residual ``[B]`` of these."""
    order = placed.int().argsort(dim=1, descending=True, stable=True)[:, : int(placed.sum(1).max())]
    weights = (atoms.weights * placed).gather(1, order)
    where = order.unsqueeze(2).expand(-1, -1, 3)
    part = PaddedAtoms(atoms.pos.gather(1, where), atoms.kinds.gather(1, order), weights != 0, weights)
    found, error = fit_positions(transform, part, factors, steps, to_rounding=False)
    return atoms.pos.scatter(1, where, found.pos), error
