"""What one centre contributes to the nodes of one block: as a product of factors, or by every distance."""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from tg_molfield.fields.engine.dense import dense_values
from tg_molfield.fields.engine.lattice import Lattice
from tg_molfield.fields.engine.separable import Split, spread, spread_backward
from tg_molfield.fields.kernels import Kernel

_FLOATS_AT_ONCE = 2**19
_FOR_ONE_CHANNEL = (8, 16, 32)
_FOR_CHANNELS = (8, 8, 16)
_FOR_DISTANCES = (8, 8, 8)


class BlockShape(ABC):
    """A way to evaluate pairs of centre and block, each described by a row of K numbers with the weights last."""

    lattice: Lattice
    numbers: ClassVar[int]
    """K without the weights."""

    @abstractmethod
    def cut(self, channels: int, dtype: torch.dtype) -> BlockShape:
        """The same on blocks that suit so many channels at once, for values of a type."""

    @abstractmethod
    def scale(self, width: Tensor, grid: Tensor | None) -> Tensor:
        """What `rows` needs of centres of widths [N] in Å on the grids [N] (None where there is one)."""

    @abstractmethod
    def rows(self, way: Tensor, scale: Tensor) -> Tensor:
        """The rows [M, K − C] without weights, in double precision, differentiable.

        Args:
            way: from centre to middle of the block [M, 3], in steps of the grid.
            scale: of the centre.
        """

    @abstractmethod
    def forward(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        """The values [G, C, bx, by, bz] of G blocks from their rows [G, P, K], in ``out`` if it is given."""

    @abstractmethod
    def backward(self, rows: Tensor, grad: Tensor, by_weight: bool, by_shape: bool) -> Tensor:
        """The gradient [G, P, K] by the rows; zeros where it is not wanted."""

    @abstractmethod
    def pairs_at_once(self, channels: int) -> int:
        """How many pairs to evaluate at once."""


@final
@dataclass(frozen=True)
class SeparableBlock(BlockShape):
    """Gaussians on orthogonal axes: a row is offset/(√2σ) [3], step/(√2σ) [3], weights.

    Args:
        lattice: the blocks.
        whole: whether every grid is one block.
        channels: how many there are.
        dtype: of the values.
    """

    lattice: Lattice
    whole: bool
    channels: int = 1
    dtype: torch.dtype = torch.float64
    numbers: ClassVar[int] = 6

    @functools.cached_property
    def split(self) -> Split:
        """How blocks are made of factors."""
        return Split.of(self.lattice.block, self.channels, self.dtype, self.lattice.origins.device)

    def cut(self, channels: int, dtype: torch.dtype) -> SeparableBlock:
        side = max(self.lattice.shape)
        sides = (side, side, side) if self.whole else _FOR_ONE_CHANNEL if channels == 1 else _FOR_CHANNELS
        return SeparableBlock(self.lattice.recut(sides), self.whole, channels, dtype)

    def scale(self, width: Tensor, grid: Tensor | None) -> Tensor:
        return self.lattice.steps(grid) / (math.sqrt(2) * width[:, None])

    def rows(self, way: Tensor, scale: Tensor) -> Tensor:
        return torch.cat([way * scale, scale], 1)

    def forward(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        return spread(rows[..., :6], rows[..., 6:], self.split, out)

    def backward(self, rows: Tensor, grad: Tensor, by_weight: bool, by_shape: bool) -> Tensor:
        parts = spread_backward(rows[..., :6], rows[..., 6:], grad, self.split, by_weight, by_shape)
        return torch.cat(parts, -1)

    def pairs_at_once(self, channels: int) -> int:
        x, y, z = self.lattice.block
        return max(1, _FLOATS_AT_ONCE // (x + y + z + min(y * z + channels * x, channels * x * y + z)))


@final
@dataclass(frozen=True)
class RadialBlock(BlockShape):
    """Any kernel on any axes, the same for all grids.

    A row is the way from the middle of the block to the centre [3] in Å, 1/σ, weights.
    """

    lattice: Lattice
    kernel: Kernel
    numbers: ClassVar[int] = 4

    def cut(self, channels: int, dtype: torch.dtype) -> RadialBlock:
        return RadialBlock(self.lattice.recut(_FOR_DISTANCES), self.kernel)

    def scale(self, width: Tensor, grid: Tensor | None) -> Tensor:
        return 1 / width[:, None]

    def rows(self, way: Tensor, scale: Tensor) -> Tensor:
        return torch.cat([-way @ self.lattice.axes[0], scale], 1)

    def forward(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        nodes = self.lattice.block_nodes().to(rows.dtype)
        values = dense_values(self.kernel, nodes, rows[..., :3], rows[..., 4:], rows[..., 3])
        values = values.unflatten(2, self.lattice.block)
        return values if out is None else out.copy_(values)

    def backward(self, rows: Tensor, grad: Tensor, by_weight: bool, by_shape: bool) -> Tensor:
        with torch.enable_grad():
            rows = rows.detach().requires_grad_()
            return torch.autograd.grad(self.forward(rows), rows, grad)[0]

    def pairs_at_once(self, channels: int) -> int:
        return max(1, _FLOATS_AT_ONCE // math.prod(self.lattice.block))
