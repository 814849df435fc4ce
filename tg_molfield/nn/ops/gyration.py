"""Smooth invariants of the gyration tensor."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from tg_molfield.devices import in_widest_type
from tg_molfield.precision import full_precision

NUM_SHAPE = 6
"""The number of `shape_invariants`."""
_SOFT = 1e-2


@full_precision
def shape_invariants(weight: Tensor, pos: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
    """Invariants of the gyration tensor S = Σ w (r − r̄)(r − r̄)ᵀ / Σ w, ``[B, 6]``.

    They are functions of the elementary symmetric polynomials e₁, e₂, e₃ of its eigenvalues, which are smooth in the
    positions where the eigenvalues are not: the lengths √e₁ (radius of gyration), e₂^¼ and e₃^⅙ in Å, and, from 0 to 1,
    1 − 3e₂/e₁² (the anisotropy κ² of Theodorou & Suter, Macromolecules 1985, 18, 1206), 27e₃/e₁³ and
    (e₁² − 3e₂)/(e₁² − 2e₂) (RDKit's asphericity, after Todeschini & Consonni 2003). All are softened by 0.01 Å² a
    moment, so that their gradients are finite for single atoms and for linear and planar molecules. They are computed
    in the widest type, because e₃ of a planar molecule is a small difference of large numbers.

    Args:
        weight: ``[N]``, positive.
        pos: ``[N, 3]`` Å.
        batch: ``[N]`` int64, sorted.
        num_graphs: the number B of molecules.
    """
    dtype, pos = pos.dtype, in_widest_type(pos)
    weight = weight.to(pos).unsqueeze(1)
    total = scatter(weight, batch, dim=0, dim_size=num_graphs, reduce="sum")
    center = scatter(weight * pos, batch, dim=0, dim_size=num_graphs, reduce="sum") / total
    arm = pos - center[batch]
    square = scatter(
        weight.unsqueeze(2) * arm.unsqueeze(2) * arm.unsqueeze(1), batch, dim=0, dim_size=num_graphs, reduce="sum"
    )
    tensor = square / total.unsqueeze(2)
    one = tensor.diagonal(dim1=1, dim2=2).sum(1)
    norm = tensor.square().sum((1, 2))
    two = 0.5 * (one.square() - norm)
    three = (tensor[:, 0] * torch.linalg.cross(tensor[:, 1], tensor[:, 2])).sum(1)
    return torch.stack(
        [
            (one + _SOFT).sqrt(),
            (two.clamp(min=0) + _SOFT**2).pow(1 / 4),
            (three.clamp(min=0) + _SOFT**3).pow(1 / 6),
            (one.square() - 3 * two) / (one.square() + _SOFT**2),
            27 * three / (one.pow(3) + _SOFT**3),
            (one.square() - 3 * two) / (norm + _SOFT**2),
        ],
        dim=1,
    ).to(dtype)
