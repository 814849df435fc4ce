"""What one centre contributes to the nodes of one block: as a product of factors, or by every distance."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from tg_molfield.fields.engine.dense import dense_values
from tg_molfield.fields.engine.lattice import Lattice
from tg_molfield.fields.engine.separable import spread, spread_backward
from tg_molfield.fields.kernels import Kernel

_FLOATS_AT_ONCE = 2**19


class BlockShape(ABC):
    """A way to evaluate pairs of centre and block, each described by a row of K numbers with the weights last."""

    lattice: Lattice

    @abstractmethod
    def rows(self, way: Tensor, width: Tensor, grid: Tensor | None) -> Tensor:
        """The rows [M, K − C] without weights, in double precision, differentiable.

        Args:
            way: from centre to middle of the block [M, 3], in steps of the grid.
            width: σ [M] in Å.
            grid: the grid of each pair [M]; None where there is one.
        """

    @abstractmethod
    def forward(self, rows: Tensor) -> Tensor:
        """The values [G, C, bx, by, bz] of G blocks from their rows [G, P, K]."""

    @abstractmethod
    def backward(self, rows: Tensor, grad: Tensor, by_weight: bool, by_shape: bool) -> Tensor:
        """The gradient [G, P, K] by the rows; zeros where it is not wanted."""

    @abstractmethod
    def pairs_at_once(self, channels: int) -> int:
        """How many pairs to evaluate at once."""


@final
@dataclass(frozen=True)
class Factors(BlockShape):
    """Gaussians on orthogonal axes: a row is offset/(√2σ) [3], step/(√2σ) [3], weights."""

    lattice: Lattice

    def rows(self, way: Tensor, width: Tensor, grid: Tensor | None) -> Tensor:
        step = self.lattice.steps(grid) / (math.sqrt(2) * width[:, None])
        return torch.cat([way * step, step], 1)

    def forward(self, rows: Tensor) -> Tensor:
        return spread(rows[..., :3], rows[..., 3:6], rows[..., 6:], self.lattice.block)

    def backward(self, rows: Tensor, grad: Tensor, by_weight: bool, by_shape: bool) -> Tensor:
        parts = spread_backward(rows[..., :3], rows[..., 3:6], rows[..., 6:], grad, by_weight, by_shape)
        return torch.cat(parts, -1)

    def pairs_at_once(self, channels: int) -> int:
        x, y, z = self.lattice.block
        return max(1, _FLOATS_AT_ONCE // (y * z + channels * x + 3 * max(self.lattice.block)))


@final
@dataclass(frozen=True)
class Distances(BlockShape):
    """Any kernel on any axes, the same for all grids.

    A row is the way from the middle of the block to the centre [3] in Å, 1/σ, weights.
    """

    lattice: Lattice
    kernel: Kernel

    def rows(self, way: Tensor, width: Tensor, grid: Tensor | None) -> Tensor:
        return torch.cat([-way @ self.lattice.axes[0], 1 / width[:, None]], 1)

    def forward(self, rows: Tensor) -> Tensor:
        nodes = self.lattice.block_nodes().to(rows.dtype)
        values = dense_values(self.kernel, nodes, rows[..., :3], rows[..., 4:], rows[..., 3])
        return values.unflatten(2, self.lattice.block)

    def backward(self, rows: Tensor, grad: Tensor, by_weight: bool, by_shape: bool) -> Tensor:
        with torch.enable_grad():
            rows = rows.detach().requires_grad_()
            return torch.autograd.grad(self.forward(rows), rows, grad)[0]

    def pairs_at_once(self, channels: int) -> int:
        return max(1, _FLOATS_AT_ONCE // math.prod(self.lattice.block))
