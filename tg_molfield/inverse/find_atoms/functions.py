"""Equal functions at N places: their sums on a lattice, and their products with samples."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from tg_molfield.fields import Kernel
from tg_molfield.inverse.lattice import Lattice


class Functions(Protocol):
    """φ(|x − r_i|/σ) and its derivatives by r_i, on the nodes of a lattice."""

    def sum(self, weights: Tensor | None = None) -> Tensor:
        """Σ_i weights_i φ_i at all nodes, flat; weights of 1 if None."""

    def products(self, samples: Tensor) -> Tensor:
        """Σ_x φ_i(x) samples(x) for each i, [N]."""

    def slope_products(self, samples: Tensor) -> Tensor:
        """The same with the derivatives of φ_i, [N, 3]."""

    def squares(self) -> Tensor:
        """Σ_x φ_i(x)², [N]."""

    def slope_squares(self) -> Tensor:
        """The same with the derivatives, [N, 3]."""

    def curvature(self, moves: Tensor) -> Tensor:
        """JᵀJ · moves [N, 3], with the derivatives J of all functions; approximate where that is quicker."""


class ScatteredFunctions:
    """Functions of any kernel on any lattice, by the nodes around each.

    Args:
        lattice: the nodes.
        kernel: φ.
        width: σ in Å.
        pos: [N, 3] in Å.
        radius: where φ ends, in Å.
    """

    def __init__(self, lattice: Lattice, kernel: Kernel, width: float, pos: Tensor, radius: float) -> None:
        self._index, near, difference = lattice.around(pos, radius)
        s = difference.square().sum(2) / width**2
        self._values = kernel.value(s) * near
        self._slopes = ((-2 / width**2) * kernel.derivative(s) * near)[..., None] * difference
        self._nodes = lattice.values.numel()

    def sum(self, weights: Tensor | None = None) -> Tensor:
        """See `Functions`."""
        return self._spread(self._values if weights is None else self._values * weights[:, None])

    def products(self, samples: Tensor) -> Tensor:
        """See `Functions`."""
        return (self._values * samples[self._index]).sum(1)

    def slope_products(self, samples: Tensor) -> Tensor:
        """See `Functions`."""
        return torch.einsum("ns,nsx->nx", samples[self._index], self._slopes)

    def squares(self) -> Tensor:
        """See `Functions`."""
        return self._values.square().sum(1)

    def slope_squares(self) -> Tensor:
        """See `Functions`."""
        return self._slopes.square().sum(1)

    def curvature(self, moves: Tensor) -> Tensor:
        """See `Functions`; exact."""
        return self.slope_products(self._spread(torch.einsum("nsx,nx->ns", self._slopes, moves)))

    def _spread(self, values: Tensor) -> Tensor:
        return values.new_zeros(self._nodes).index_add_(0, self._index.flatten(), values.flatten())
