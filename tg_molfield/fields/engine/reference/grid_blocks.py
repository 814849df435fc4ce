"""Grids of one shape cut into blocks of nodes, and regions of blocks that fit into memory."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.devices import widest_type
from tg_molfield.fields.grid import Grid

_REGION_FLOATS = 2**23
_REGION_PAIRS = 100_000
_PART_FLOATS = 2**19


@dataclass(frozen=True)
class Region:
    """The blocks of the results ``targets`` with places ``x`` and ``y`` along two axes, and any place along z."""

    targets: range
    x: range
    y: range


@dataclass(frozen=True)
class GridBlocks:
    """B grids of one shape, cut into blocks.

    Args:
        origins: the first nodes [B, 3] in Å.
        axes: the steps [B, 3, 3] in Å.
        shape: the number of nodes along each axis.
        block: the number of nodes of a block along each axis.
        orthogonal: whether the steps of every grid are at right angles.
    """

    origins: Tensor
    axes: Tensor
    shape: tuple[int, int, int]
    block: tuple[int, int, int]
    orthogonal: bool

    @classmethod
    def of(cls, grids: Sequence[Grid], device: torch.device) -> GridBlocks:
        """Grids of one shape, each a single block."""
        origins = torch.stack([grid.origin_tensor() for grid in grids])
        axes = torch.stack([grid.axes_tensor() for grid in grids])
        units = axes / axes.norm(dim=2, keepdim=True)
        kind = widest_type(device)
        skew = (units @ units.transpose(1, 2) - torch.eye(3).to(units)).abs().max()
        return cls(origins.to(device, kind), axes.to(device, kind), grids[0].shape, grids[0].shape, bool(skew < 1e-12))

    def recut(self, sides: tuple[int, int, int]) -> GridBlocks:
        """The same grids cut into blocks of at most ``sides`` nodes."""
        x, y, z = (math.ceil(n / math.ceil(n / side)) for n, side in zip(self.shape, sides, strict=True))
        return dataclasses.replace(self, block=(x, y, z))

    @property
    def is_whole(self) -> bool:
        """Whether a block is a whole grid."""
        return self.counts == (1, 1, 1)

    @property
    def counts(self) -> tuple[int, int, int]:
        """The number of blocks along each axis."""
        x, y, z = (math.ceil(n / b) for n, b in zip(self.shape, self.block, strict=True))
        return x, y, z

    @property
    def block_tensor(self) -> Tensor:
        """``block`` as a tensor [3] in the widest type."""
        return torch.tensor(self.block, dtype=self.origins.dtype, device=self.origins.device)

    def coordinates(self, pos: Tensor, grid: Tensor | None) -> Tensor:
        """Positions [M, 3] in steps of their grids [M] (None for a single grid), in the widest type."""
        inverse = torch.linalg.inv(self.axes)
        if grid is None:
            return (pos.to(self.origins) - self.origins[0]) @ inverse[0]
        return ((pos.to(self.origins) - self.origins[grid])[:, None] @ inverse[grid])[:, 0]

    def density(self, grid: Tensor | None) -> Tensor:
        """Planes of nodes per Å across each axis: [M, 3] for the grids [M], or [3] for a single grid."""
        norms = torch.linalg.inv(self.axes).norm(dim=1)
        return norms[0] if grid is None else norms[grid]

    def steps(self, grid: Tensor | None) -> Tensor:
        """Lengths of the steps in Å: [M, 3] for the grids [M], or [3] for a single grid."""
        lengths = self.axes.norm(dim=2)
        return lengths[0] if grid is None else lengths[grid]

    def regions(self, targets: int, channels: int, pairs: float) -> Iterator[Region]:
        """All blocks of a result, in regions that bound the memory for values and pairs.

        Args:
            targets: the number of value grids in the result.
            channels: the number of values at a node.
            pairs: the number of pairs of term and block.
        """
        x, y, z = self.counts
        share = _REGION_PAIRS / max(1.0, pairs) * targets * x * y
        strips = max(1, min(_REGION_FLOATS // (channels * math.prod(self.block) * z), int(share)))
        deep = max(1, strips // (x * y))
        wide = min(x, max(1, strips // y))
        high = min(y, strips)
        for target in range(0, targets, deep):
            for left in range(0, x, wide):
                for low in range(0, y, high):
                    yield Region(
                        range(target, min(target + deep, targets)),
                        range(left, min(left + wide, x)),
                        range(low, min(low + high, y)),
                    )

    def parts(self, region: Region, places: Tensor, channels: int) -> Iterator[tuple[Region, Tensor]]:
        """A region in parts that fit into the cache, each with its rows, from rows [R] in the order of `write`."""
        rows = places.view(len(region.x), len(region.y), -1)
        strips = max(1, _PART_FLOATS // (channels * rows.shape[2] * math.prod(self.block)))
        wide, high = max(1, strips // len(region.y)), min(len(region.y), strips)
        for x in range(0, len(region.x), wide):
            for y in range(0, len(region.y), high):
                some = Region(region.targets, region.x[x : x + wide], region.y[y : y + high])
                yield some, rows[x : x + wide, y : y + high].flatten()

    def write(self, values: Tensor, region: Region, blocks: Tensor) -> None:
        """Write the blocks [R, C, bx, by, bz] of a region, sorted by place along x, y and z, then target.

        Args:
            values: the result [targets, C, nx, ny, nz].
            region: where to write.
            blocks: the blocks to write.
        """
        window, (x, y, z) = self.window(values, region), self.block
        wide, high, deep = len(region.x), len(region.y), self.counts[2]
        joined = blocks.view(wide, high, deep, len(window), -1, x, y, z).permute(3, 4, 0, 5, 1, 6, 2, 7)
        if self._is_full(region):
            self._split(window, region).copy_(joined)
        else:
            nx, ny, nz = window.shape[2:]
            window.copy_(joined.flatten(6, 7).flatten(4, 5).flatten(2, 3)[:, :, :nx, :ny, :nz])

    def read(self, values: Tensor, region: Region) -> Tensor:
        """The blocks [R, C, bx, by, bz] in the order of the rows of `Pairs`; nodes beyond the grid are 0."""
        window = self.window(values, region)
        if not self._is_full(region):
            sizes = (len(region.x), len(region.y), self.counts[2])
            x, y, z = (n * b - have for n, b, have in zip(sizes, self.block, window.shape[2:], strict=True))
            window = torch.nn.functional.pad(window, (0, z, 0, y, 0, x))
        return self._split(window, region).permute(6, 2, 4, 0, 1, 3, 5, 7).flatten(0, 3)

    def window(self, values: Tensor, region: Region) -> Tensor:
        """A view of the part of ``values`` [targets, C, nx, ny, nz] that a region covers."""
        x, y, _ = self.block
        return values[
            region.targets.start : region.targets.stop, :,
            region.x.start * x : region.x.stop * x, region.y.start * y : region.y.stop * y,
        ]  # fmt: skip

    def _split(self, window: Tensor, region: Region) -> Tensor:
        x, y, z = self.block
        parts = window.unflatten(4, (self.counts[2], z)).unflatten(3, (len(region.y), y))
        return parts.unflatten(2, (len(region.x), x))

    def _is_full(self, region: Region) -> bool:
        ends = (region.x.stop, region.y.stop, self.counts[2])
        return all(end * b <= n for end, b, n in zip(ends, self.block, self.shape, strict=True))

    def block_nodes(self) -> Tensor:
        """The nodes of a block of the first grid relative to its middle [1, bx·by·bz, 3] in Å."""
        places = (torch.arange(n, dtype=self.axes.dtype, device=self.axes.device) - (n - 1) / 2 for n in self.block)
        return (torch.cartesian_prod(*places) @ self.axes[0])[None]
