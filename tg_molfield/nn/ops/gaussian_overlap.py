"""Integrals over all space of sums of Gaussians, in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.chem.padding import Padding
from tg_molfield.fields import RBFField
from tg_molfield.fields.gaussian_sums import gaussian_overlap
from tg_molfield.precision import full_precision


def is_gaussian_sum(field: RBFField) -> bool:
    """Whether ``field`` is a sum of Gaussians with one width for each centre, not periodic."""
    return field.kernel.name == "gaussian" and field.widths.dim() == 1 and field.cell is None


@full_precision
def squared_distance(f: RBFField, g: RBFField) -> Tensor:
    """∫ Σ_c (f_c − g_c)² d³x for each molecule, exactly, ``[B]`` in Å³.

    Args:
        f: Gaussians with one width for each centre.
        g: the same, with the channels and the number of molecules of ``f``.

    Raises:
        ValueError: a field is not such a sum, or the fields do not fit each other.
    """
    for name, field in (("f", f), ("g", g)):
        if not is_gaussian_sum(field):
            raise ValueError(
                f"{name}: expected Gaussians with one width per centre, not periodic, got {field}; compare others on a "
                "grid"
            )
    if f.channels != g.channels or f.num_graphs != g.num_graphs:
        raise ValueError(
            f"g: expected the {f.num_graphs} molecules and channels {' '.join(f.channels)} of f, got {g.num_graphs} "
            f"molecules and channels {' '.join(g.channels)}; compare fields of the same molecules"
        )
    centers, weights, variances = zip(*map(_padded, (f, g)), strict=True)
    weights = (weights[0], -weights[1])
    center, weight, variance = (torch.cat(pair, dim=1) for pair in (centers, weights, variances))
    square = (center.unsqueeze(1) - center.unsqueeze(2)).square().sum(3)
    overlap = gaussian_overlap(square, variance.unsqueeze(1), variance.unsqueeze(2))
    return ((overlap @ weight) * weight).sum((1, 2))


def _padded(field: RBFField) -> tuple[Tensor, Tensor, Tensor]:
    """Centres ``[B, N, 3]``, weights ``[B, N, C]`` (0 where padded) and squared widths ``[B, N]`` (1 where padded)."""
    padding = Padding(field.batch, field.num_graphs)
    variances = padding(field.widths.square())
    return padding(field.centers), padding(field.weights), torch.where(padding.mask, variances, 1)
