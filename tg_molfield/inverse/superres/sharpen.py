"""The most likely centres of the functions behind samples: maxima of their kriged density.

It serves Gaussians on coarse, orthogonal samples, of which it makes the best linear estimate; `WienerSharpener` of
`find_atoms` is for samples fine enough to invert the transform of any kernel.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tg_molfield.inverse.lattice import Lattice
from tg_molfield.inverse.maxima import local_maxima
from tg_molfield.inverse.superres.kriging_weights import along_axes, gaussian, kriging_weights, poisson_width

_NOISE = 1e-4
_FINEST = 0.5
_LOWEST = 0.02


class PoissonSharpener:
    """The most likely density of centres behind samples, for functions of one width on lattices of one shape.

    For a Poisson cloud the covariance of density and samples is a Gaussian of the functions' own width, so the
    density is Σ_j w_j exp(−|x − x_j|²/(2·width²)) with the weights of kriging. It is evaluated at several nodes per
    width, and scaled so that one function has a maximum of about 1.

    Args:
        lattice: gives the shape and the steps.
        width: of the functions in Å.
    """

    def __init__(self, lattice: Lattice, width: float) -> None:
        self._steps, self._width = lattice.steps, width
        self._factors = [max(2, math.ceil(float(step) / (_FINEST * width))) for step in lattice.steps]
        self._readers = [
            self._reader(count, float(step), factor)
            for count, step, factor in zip(lattice.values.shape, lattice.steps, self._factors, strict=True)
        ]
        self._unit = 1.0
        self._unit = self._height_of_one()

    def __call__(self, values: Tensor) -> Tensor:
        """The density at the finer nodes, for samples [nx, ny, nz]."""
        weights = kriging_weights(values, self._steps, poisson_width(self._width), _NOISE)
        return along_axes(weights, self._readers).div_(self._unit)

    def peaks(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """The maxima of the density, the highest first: places [M, 3] and the weights [M] of functions there."""
        density = self(values)
        index = local_maxima(density, (False, False, False), _LOWEST * max(float(density.max()), 0.0))
        heights = density[tuple(index.T)]
        order = heights.argsort(descending=True, stable=True)
        finer = self._steps / torch.tensor(self._factors)
        return index[order] * finer, heights[order]

    def _reader(self, count: int, step: float, factor: int) -> Tensor:
        nodes = torch.arange(count, dtype=torch.float64) * step
        places = torch.arange((count - 1) * factor + 1, dtype=torch.float64) * (step / factor)
        return gaussian(places, nodes, self._width)

    def _height_of_one(self) -> float:
        """The mean height of a function at a node and of one in the middle between nodes."""
        shape = [reader.shape[1] for reader in self._readers]
        heights = []
        for shift in (0.0, 0.5):
            lines = [
                gaussian(
                    (torch.arange(n, dtype=torch.float64) - n // 2) * step, torch.tensor([shift * step]), self._width
                )
                for n, step in zip(shape, self._steps.tolist(), strict=True)
            ]
            x, y, z = (line[:, 0] for line in lines)
            heights.append(float(self(x[:, None, None] * y[:, None] * z).max()))
        return sum(heights) / len(heights)
