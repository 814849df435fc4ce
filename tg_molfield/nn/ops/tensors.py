"""Symmetric traceless 3 × 3 matrices by their five independent components."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.devices import constant
from tg_molfield.precision import full_precision

_HALF, _SIXTH = 0.5**0.5, (1 / 6) ** 0.5
_BASIS = (
    ((0.0, _HALF, 0.0), (_HALF, 0.0, 0.0), (0.0, 0.0, 0.0)),
    ((0.0, 0.0, _HALF), (0.0, 0.0, 0.0), (_HALF, 0.0, 0.0)),
    ((0.0, 0.0, 0.0), (0.0, 0.0, _HALF), (0.0, _HALF, 0.0)),
    ((0.0, 0.0, 0.0), (0.0, _HALF, 0.0), (0.0, 0.0, -_HALF)),
    ((2 * _SIXTH, 0.0, 0.0), (0.0, -_SIXTH, 0.0), (0.0, 0.0, -_SIXTH)),
)


@full_precision
def components(matrices: Tensor) -> Tensor:
    """The components ``[..., 5]`` of ``matrices [..., 3, 3]``; what is antisymmetric or a trace is left out.

    They belong to an orthonormal basis, xy, xz, yz, yy − zz and 2xx − yy − zz, so norms and inner products are those of
    the matrices.
    """
    return torch.einsum("...ij,kij->...k", matrices, _basis(matrices))


@full_precision
def matrices(components: Tensor) -> Tensor:
    """The symmetric traceless matrices ``[..., 3, 3]`` with these ``components [..., 5]``."""
    return torch.einsum("...k,kij->...ij", components, _basis(components))


def traceless_square(vectors: Tensor) -> Tensor:
    """The components ``[..., 5]`` of ``v ⊗ v − |v|²/3`` for ``vectors [..., 3]``."""
    return components(vectors.unsqueeze(-1) * vectors.unsqueeze(-2))


def _basis(like: Tensor) -> Tensor:
    return constant(_BASIS, like)
