"""Sums as sparse lists: a term is a centre or a (centre, channel) pair, and each term reaches some blocks."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.fields.engine.reference.boxes import padded_groups
from tg_molfield.fields.engine.reference.grid_blocks import GridBlocks, Region

_SLACK = 1e-6


def share_channels(weights: Tensor, widths: Tensor, every_weight: bool) -> bool:
    """Whether all channels of a centre should make one term: if most weights are nonzero and widths are shared.

    Args:
        weights: [N, C].
        widths: [N] or [N, C].
        every_weight: whether weights of 0 count too.
    """
    n, channels = weights.shape
    filled = n * channels if every_weight else int(weights.count_nonzero())
    return widths.ndim == 1 and 2 * filled >= n * (1 + channels)


@dataclass(frozen=True)
class SparseTerms:
    """The terms of a sum: one per centre, or one per centre and channel with a nonzero weight.

    Args:
        grid_blocks: the blocks.
        atom: centre of each term [E].
        channel: channel of each term [E]; None if a term covers all.
        grid: grid of each term [E]; None for a single grid.
        target: row of the result that each term adds to [E], ascending: grid, or grid · C + channel.
        targets: the number of rows of the result.
        columns: the number of rows per grid, 1 or C.
        channels: the number of channels per row, C or 1.
        position: position of each term [E, 3] in blocks.
        radius: half extents of the reach of each term [E, 3] in blocks.
    """

    grid_blocks: GridBlocks
    atom: Tensor
    channel: Tensor | None
    grid: Tensor | None
    target: Tensor
    targets: int
    columns: int
    channels: int
    position: Tensor
    radius: Tensor

    @classmethod
    def of(
        cls, grid_blocks: GridBlocks, centers: Tensor, weights: Tensor, widths: Tensor, batch: Tensor | None,
        reach: float, channels_shared: bool, every_weight: bool,
    ) -> SparseTerms:  # fmt: skip
        """The terms of centres [N, 3] with weights [N, C] and widths [N] or [N, C].

        Args:
            grid_blocks: the blocks.
            centers: in Å.
            weights: weights of the centres.
            widths: σ in Å.
            batch: grid of each centre [N]; None for a single grid.
            reach: the cutoff in widths.
            channels_shared: whether all channels of a centre make one term.
            every_weight: whether weights of 0 count too.
        """
        (n, columns), grids = weights.shape, len(grid_blocks.origins)
        if channels_shared:
            atom, channel = torch.arange(n, device=centers.device), None
            grid = batch
            target = torch.zeros_like(atom) if grid is None else grid
        else:
            kept = torch.ones_like(weights, dtype=torch.bool) if every_weight else weights != 0
            atom, channel = kept.nonzero(as_tuple=True)
            target, order = (channel if batch is None else batch[atom] * columns + channel).sort(stable=True)
            atom, channel = atom[order], channel[order]
            grid = None if batch is None else batch[atom]
        width = widths[atom] if widths.ndim == 1 or channel is None else widths[atom, channel]
        position = grid_blocks.coordinates(centers[atom], grid) / grid_blocks.block_tensor
        radius = reach * width.to(position)[:, None] * grid_blocks.density(grid) / grid_blocks.block_tensor
        rows, channels = (1, columns) if channels_shared else (columns, 1)
        return cls(grid_blocks, atom, channel, grid, target, grids * rows, rows, channels, position, radius)

    def regions(self) -> Iterator[Region]:
        """Regions that cover all blocks."""
        shape = torch.tensor(self.grid_blocks.counts, dtype=self.radius.dtype, device=self.radius.device)
        number = float(torch.minimum(2 * self.radius + 1, shape).prod(1).sum())
        return self.grid_blocks.regions(self.targets, self.channels, number)

    def pairs(self, region: Region) -> Pairs | None:
        """The pairs of term and block in a region; None if there are none."""
        boxes = (region.x, region.y, range(self.grid_blocks.counts[2]))
        first = self.position.new_tensor([places.start for places in boxes])
        last = self.position.new_tensor([places.stop - 1 for places in boxes])
        extent = 1 - 1 / self.grid_blocks.block_tensor
        x, y, z = ((self.highs >= first) & (self.lows <= last + extent)).unbind(1)
        mine = x & y & z & (self.target >= region.targets.start) & (self.target < region.targets.stop)
        term = mine.nonzero()[:, 0]
        gaps = (self._gaps(term, axis, places) for axis, places in enumerate(boxes))
        wide, high, deep = gaps
        left = (1 + _SLACK - wide[:, None] - high).flatten(0, 1)
        column, which = (left >= 0).nonzero().T
        height, couple = (deep.index_select(1, which) <= left[column, which]).nonzero().T
        if not len(couple):
            return None
        box, which = height * left.shape[0] + column[couple], which[couple]
        targets, numbers = len(region.targets), left.shape[0] * deep.shape[0]
        row = box * targets + (self.target[term] - region.targets.start)[which]
        ranges = (torch.arange(p.start, p.stop, device=row.device) for p in (boxes[2], *boxes[:2]))
        middles = torch.cartesian_prod(*ranges)[:, [1, 2, 0]]
        return Pairs(
            self.atom[term], None if self.channel is None else self.channel[term],
            None if self.grid is None else self.grid[term],
            middles * self.grid_blocks.block_tensor + (self.grid_blocks.block_tensor - 1) / 2,
            which, box, torch.bincount(row, minlength=numbers * targets), targets,
        )  # fmt: skip

    @functools.cached_property
    def lows(self) -> Tensor:
        """The lower end of the reach of each term [E, 3] in blocks."""
        return self.position - self.radius

    @functools.cached_property
    def highs(self) -> Tensor:
        """The upper end of the reach of each term [E, 3] in blocks."""
        return self.position + self.radius

    def _gaps(self, term: Tensor, axis: int, places: range) -> Tensor:
        """Squared distances [n, e] from e terms to n slices of blocks, relative to the reach; 0 inside a slice.

        On oblique axes squares do not add up: slices within reach get 0, all others infinity.
        """
        position, extent = self.position[term, axis], 1 - 1 / self.grid_blocks.block[axis]
        offset = position - torch.arange(places.start, places.stop, device=position.device)[:, None]
        gaps = ((offset - offset.clamp(0, extent)) / self.radius[term, axis]).square_()
        if not self.grid_blocks.orthogonal:
            gaps = torch.where(gaps <= 1 + _SLACK, 0.0, math.inf)
        return gaps.float()


@dataclass(frozen=True)
class Pairs:
    """The M pairs of the e terms and B blocks of a region, sorted by the R rows of the result.

    Rows are sorted by the place of the block along z, x and y, then by target.

    Args:
        atom: centre of each term [e].
        channel: channel of each term [e]; None if a term covers all.
        grid: grid of each term [e]; None for a single grid.
        middles: middles of the blocks [B, 3] in grid steps.
        term: term of each pair [M].
        block: block of each pair [M].
        counts: the number of pairs of each row [R].
        targets: the number of rows of each block.
    """

    atom: Tensor
    channel: Tensor | None
    grid: Tensor | None
    middles: Tensor
    term: Tensor
    block: Tensor
    counts: Tensor
    targets: int

    def numbers(
        self, grid_blocks: GridBlocks, centers: Tensor, weights: Tensor, widths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Position [e, 3] in grid steps, width [e] (both in the widest type) and weights [e, C or 1] of the terms."""
        position = grid_blocks.coordinates(centers.index_select(0, self.atom), self.grid)
        width, weight = widths.index_select(0, self.atom), weights.index_select(0, self.atom)
        if self.channel is not None:
            weight = weight.gather(1, self.channel[:, None])
            width = width if width.ndim == 1 else width.gather(1, self.channel[:, None])[:, 0]
        return position, width.to(position), weight

    def groups(self, pairs_at_once: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Groups of rows [G] with their pairs [G, P], padded with M; empty rows are left out."""
        for rows, longest in padded_groups(self.counts, pairs_at_once):
            yield rows, self.places(rows, longest)

    def places(self, rows: Tensor, longest: int) -> Tensor:
        """The pairs [G, P] of the rows [G], padded with M."""
        stops = self.stops[rows, None]
        place = (stops - self.counts[rows, None]) + torch.arange(longest, device=rows.device)
        return place.masked_fill_(place >= stops, self.term.shape[0])

    @functools.cached_property
    def stops(self) -> Tensor:
        """The end of the pairs of each row [R]."""
        return self.counts.cumsum(0)
