"""Contributions of centres to the nodes of a block: from one-dimensional factors, or from all distances."""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from tg_molfield.fields.engine.reference.dense import dense_values
from tg_molfield.fields.engine.reference.grid_blocks import GridBlocks
from tg_molfield.fields.engine.reference.separable import Split, spread, spread_backward
from tg_molfield.fields.kernels import Kernel

_FLOATS_AT_ONCE = 2**19
_FOR_ONE_CHANNEL = (8, 16, 32)
_FOR_CHANNELS = (8, 8, 16)
_FOR_DISTANCES = (8, 8, 8)


class BlockShape(ABC):
    """A method to evaluate pairs of centre and block; a row of K numbers, weights last, describes each pair."""

    grid_blocks: GridBlocks
    numbers: ClassVar[int]
    """K minus the number of weights."""

    @abstractmethod
    def cut(self, channels: int, dtype: torch.dtype) -> BlockShape:
        """The same method with a block size for this number of channels and type of values."""

    @abstractmethod
    def scale(self, width: Tensor, grid: Tensor | None) -> Tensor:
        """The scale that `rows` takes, for centres of widths [N] in Å on the grids [N] (None for a single grid)."""

    @abstractmethod
    def rows(self, offset: Tensor, scale: Tensor) -> Tensor:
        """The rows [M, K − C] without weights, in double precision, differentiable.

        Args:
            offset: middle of the block minus centre [M, 3], in grid steps.
            scale: from `scale`.
        """

    @abstractmethod
    def forward(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        """The values [G, C, bx, by, bz] of G blocks from their rows [G, P, K], written to ``out`` if given."""

    @abstractmethod
    def backward(self, rows: Tensor, grad: Tensor, by_weight: bool, by_shape: bool) -> Tensor:
        """The gradient [G, P, K] with respect to the rows; zero for parts not asked for."""

    @abstractmethod
    def pairs_at_once(self, channels: int) -> int:
        """The number of pairs to evaluate at once."""


@final
@dataclass(frozen=True)
class SeparableBlock(BlockShape):
    """Gaussians on orthogonal axes; a row is offset/(√2σ) [3], step/(√2σ) [3], weights.

    Args:
        grid_blocks: the blocks.
        whole: whether every grid is one block.
        channels: the number of channels.
        dtype: type of the values.
    """

    grid_blocks: GridBlocks
    whole: bool
    channels: int = 1
    dtype: torch.dtype = torch.float64
    numbers: ClassVar[int] = 6

    @functools.cached_property
    def split(self) -> Split:
        """How blocks split into factors."""
        return Split.of(self.grid_blocks.block, self.channels, self.dtype, self.grid_blocks.origins.device)

    def cut(self, channels: int, dtype: torch.dtype) -> SeparableBlock:
        side = max(self.grid_blocks.shape)
        sides = (side, side, side) if self.whole else _FOR_ONE_CHANNEL if channels == 1 else _FOR_CHANNELS
        return SeparableBlock(self.grid_blocks.recut(sides), self.whole, channels, dtype)

    def scale(self, width: Tensor, grid: Tensor | None) -> Tensor:
        return self.grid_blocks.steps(grid) / (math.sqrt(2) * width[:, None])

    def rows(self, offset: Tensor, scale: Tensor) -> Tensor:
        return torch.cat([offset * scale, scale], 1)

    def forward(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        return spread(rows[..., :6], rows[..., 6:], self.split, out)

    def backward(self, rows: Tensor, grad: Tensor, by_weight: bool, by_shape: bool) -> Tensor:
        parts = spread_backward(rows[..., :6], rows[..., 6:], grad, self.split, by_weight, by_shape)
        return torch.cat(parts, -1)

    def pairs_at_once(self, channels: int) -> int:
        x, y, z = self.grid_blocks.block
        return max(1, _FLOATS_AT_ONCE // (x + y + z + min(y * z + channels * x, channels * x * y + z)))


@final
@dataclass(frozen=True)
class RadialBlock(BlockShape):
    """Any kernel on any axes, the same for all grids; a row is centre minus middle [3] in Å, 1/σ, weights."""

    grid_blocks: GridBlocks
    kernel: Kernel
    numbers: ClassVar[int] = 4

    def cut(self, channels: int, dtype: torch.dtype) -> RadialBlock:
        return RadialBlock(self.grid_blocks.recut(_FOR_DISTANCES), self.kernel)

    def scale(self, width: Tensor, grid: Tensor | None) -> Tensor:
        return 1 / width[:, None]

    def rows(self, offset: Tensor, scale: Tensor) -> Tensor:
        return torch.cat([-offset @ self.grid_blocks.axes[0], scale], 1)

    def forward(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        nodes = self.grid_blocks.block_nodes().to(rows.dtype)
        values = dense_values(self.kernel, nodes, rows[..., :3], rows[..., 4:], rows[..., 3])
        values = values.unflatten(2, self.grid_blocks.block)
        return values if out is None else out.copy_(values)

    def backward(self, rows: Tensor, grad: Tensor, by_weight: bool, by_shape: bool) -> Tensor:
        with torch.enable_grad():
            rows = rows.detach().requires_grad_()
            return torch.autograd.grad(self.forward(rows), rows, grad)[0]

    def pairs_at_once(self, channels: int) -> int:
        return max(1, _FLOATS_AT_ONCE // math.prod(self.grid_blocks.block))
