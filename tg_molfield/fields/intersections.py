"""Products of overlapping Gaussians, by which a sum of atoms becomes the density of their union.

The union of densities ρ_i is 1 − Π(1 − ρ_i) = Σ ρ_i − Σ ρ_i ρ_j + Σ ρ_i ρ_j ρ_k − …, and a product of Gaussians is a
Gaussian. Source: Grant and Pickup, J. Phys. Chem. 99, 3503 (1995).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.fields.rbf import RBFField

LEAST_VOLUME = 1e-4
"""The integral in Å³ below which a product is left out."""

_ROWS_AT_ONCE = 2**20
_MAX_PRODUCTS = 10_000_000


def with_intersections(field: RBFField, order: int) -> RBFField:
    """The union of a field's Gaussians, expanded to products of up to ``order`` of them.

    Products are of centres of one graph, channel by channel; those whose integral lies below 1e-4 Å³ in every channel
    are left out. Differentiable with respect to centres, weights and widths.

    Args:
        field: Gaussians with one width a centre, not periodic.
        order: the greatest number of factors.

    Raises:
        ValueError: the field is periodic, a weight is negative, or there are more than ten million products.
    """
    if field.cell is not None:
        raise ValueError(f"order: expected 1 for periodic atoms, got {order}; leave out cell and pbc, or give order=1")
    if bool((field.weights < 0).any()):
        raise ValueError(
            f"weights: expected none below 0 with order={order}, got {float(field.weights.min()):.3g}; give order=1"
        )
    parts = [(field.centers, field.weights, field.widths, field.batch)]
    for members in _overlapping(field, order):
        product = _Products.of(field, members)
        sign = 1 if members.shape[1] % 2 else -1
        weights = sign * product.weights * torch.exp(-product.exponents)[:, None]
        parts.append((product.centers, weights, (2 * product.steepness).rsqrt(), field.batch[members[:, 0]]))
    centers, weights, widths, batch = (torch.cat(one) for one in zip(*parts, strict=True))
    sorted_rows = batch.argsort(stable=True)
    return RBFField(
        centers[sorted_rows], weights[sorted_rows], widths[sorted_rows], field.kernel, field.channels,
        batch=batch[sorted_rows], num_graphs=field.num_graphs, atoms=field.atoms,
    )  # fmt: skip


class _Products(NamedTuple):
    """Products w exp(−e) exp(−a |x − r|²) of Gaussians.

    Attributes:
        members: the factors [T, n], ascending.
        centers: r [T, 3] in Å.
        steepness: a [T] in Å⁻².
        exponents: e [T].
        weights: w [T, C].
    """

    members: Tensor
    centers: Tensor
    steepness: Tensor
    exponents: Tensor
    weights: Tensor

    @classmethod
    def of(cls, field: RBFField, members: Tensor) -> _Products:
        pos, steepness = field.centers[members], 0.5 / field.widths[members].square()
        total = steepness.sum(1)
        center = (steepness[..., None] * pos).sum(1) / total[:, None]
        exponent = (steepness * (pos - center[:, None]).square().sum(2)).sum(1)
        return cls(members, center, total, exponent, field.weights[members].prod(1))

    def volumes(self) -> Tensor:
        """The greatest integral over the channels, [T] in Å³."""
        return self.weights.amax(1) * torch.exp(-self.exponents) * (math.pi / self.steepness) ** 1.5


@torch.no_grad()
def _overlapping(field: RBFField, order: int) -> list[Tensor]:
    """The members [T, n] of all products of n = 2 to ``order`` centres that are not left out.

    One more factor multiplies an integral by at most its weight, so that every part of such a product is found among
    those of fewer factors with an integral above a limit that is lower by that weight.
    """
    growth = max(1.0, float(field.weights.max())) if field.weights.numel() else 1.0
    limits = [LEAST_VOLUME / growth ** (order - n) for n in range(order + 1)]
    rows = torch.arange(len(field.centers), device=field.device)[(field.weights > 0).any(1)]
    ends = torch.bincount(field.batch[rows], minlength=field.num_graphs).cumsum(0)[field.batch[rows]]
    positions = torch.arange(len(rows), device=field.device)
    pairs = _extended(field, rows[:, None], rows, positions + 1, ends, limits[2])
    found = [pairs]
    firsts = torch.searchsorted(pairs[:, 0].contiguous(), torch.arange(len(field.centers) + 1, device=field.device))
    for n in range(3, order + 1):
        last = found[-1][:, -1]
        found.append(_extended(field, found[-1], pairs[:, 1], firsts[last], firsts[last + 1], limits[n]))
    return [members[_Products.of(field, members).volumes() >= LEAST_VOLUME] for members in found]


def _extended(field: RBFField, members: Tensor, others: Tensor, starts: Tensor, ends: Tensor, least: float) -> Tensor:
    """Products with one factor more, ``others[starts:ends]`` of each, that integrate to at least ``least``."""
    counts = ends - starts
    offsets = counts.cumsum(0)
    found, first, total = [members.new_zeros(0, members.shape[1] + 1)], 0, 0
    while first < len(members):
        done = int(offsets[first - 1]) if first else 0
        stop = max(first + 1, int(torch.searchsorted(offsets, done + _ROWS_AT_ONCE, right=True)))
        here = counts[first:stop]
        row = torch.arange(first, stop, device=members.device).repeat_interleave(here)
        within = torch.arange(len(row), device=members.device) - (offsets[row] - counts[row] - done)
        some = torch.cat([members[row], others[starts[row] + within][:, None]], 1)
        found.append(some[_Products.of(field, some).volumes() >= least])
        total += len(found[-1])
        if total > _MAX_PRODUCTS:
            raise ValueError(
                f"order: expected at most {_MAX_PRODUCTS} products of {some.shape[1]} overlapping atoms, got more; "
                f"give {some.shape[1] - 1} or less, or fewer molecules at once"
            )
        first = stop
    return torch.cat(found)
