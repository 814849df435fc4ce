"""Lists of what reaches which block: entries are centres or (centre, channel) couples, pairs are entry and block."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.fields.engine.lattice import Lattice, Region
from tg_molfield.fields.engine.pairs import padded_groups

_SLACK = 1e-6


def share_channels(weights: Tensor, widths: Tensor, every_weight: bool) -> bool:
    """Whether all channels of a centre make one entry: where most weights are not 0 and widths are shared.

    Args:
        weights: [N, C].
        widths: [N] or [N, C].
        every_weight: whether weights that are 0 count as well.
    """
    n, channels = weights.shape
    filled = n * channels if every_weight else int(weights.count_nonzero())
    return widths.ndim == 1 and 2 * filled >= n * (1 + channels)


@dataclass(frozen=True)
class SparseTerms:
    """What is summed: every centre once for all channels, or once for each channel that it has a weight in.

    Args:
        lattice: the blocks.
        atom: the centre of each entry [E].
        channel: its channel [E]; None if it stands for all.
        grid: the grid [E] that it lies on; None where there is one.
        target: the row of the result it adds to [E], ascending: its grid, or grid · C + channel.
        targets: the number of such rows.
        columns: the number of such rows a grid has, 1 or C.
        channels: the number of channels in such a row, C or 1.
        position: of the entry [E, 3] in blocks.
        radius: half extents of its reach [E, 3] in blocks.
    """

    lattice: Lattice
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
        cls, lattice: Lattice, centers: Tensor, weights: Tensor, widths: Tensor, batch: Tensor | None,
        reach: float, together: bool, every_weight: bool,
    ) -> SparseTerms:  # fmt: skip
        """The entries of centres [N, 3] with weights [N, C] and widths [N] or [N, C].

        Args:
            lattice: the blocks.
            centers: in Å.
            weights: of the centres.
            widths: in Å.
            batch: grid of each centre [N]; None where there is one.
            reach: how many widths a centre reaches.
            together: whether all channels of a centre make one entry.
            every_weight: whether weights that are 0 count as well.
        """
        (n, columns), grids = weights.shape, len(lattice.origins)
        if together:
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
        position = lattice.coordinates(centers[atom], grid) / lattice.block_tensor
        radius = reach * width.double()[:, None] * lattice.density(grid) / lattice.block_tensor
        rows, channels = (1, columns) if together else (columns, 1)
        return cls(lattice, atom, channel, grid, target, grids * rows, rows, channels, position, radius)

    def regions(self) -> Iterator[Region]:
        """All blocks, in parts."""
        shape = torch.tensor(self.lattice.counts, dtype=self.radius.dtype, device=self.radius.device)
        number = float(torch.minimum(2 * self.radius + 1, shape).prod(1).sum())
        return self.lattice.regions(self.targets, self.channels, number)

    def pairs(self, region: Region) -> Pairs | None:
        """What reaches the blocks of the region; None where nothing does."""
        boxes = (region.x, region.y, range(self.lattice.counts[2]))
        first = self.position.new_tensor([places.start for places in boxes])
        last = self.position.new_tensor([places.stop - 1 for places in boxes])
        extent = 1 - 1 / self.lattice.block_tensor
        x, y, z = ((self.highs >= first) & (self.lows <= last + extent)).unbind(1)
        mine = x & y & z & (self.target >= region.targets.start) & (self.target < region.targets.stop)
        entry = mine.nonzero()[:, 0]
        gaps = (self._gaps(entry, axis, places) for axis, places in enumerate(boxes))
        wide, high, deep = gaps
        left = (1 + _SLACK - wide[:, None] - high).flatten(0, 1)
        column, which = (left >= 0).nonzero().T
        height, couple = (deep.index_select(1, which) <= left[column, which]).nonzero().T
        if not len(couple):
            return None
        box, which = height * left.shape[0] + column[couple], which[couple]
        targets, numbers = len(region.targets), left.shape[0] * deep.shape[0]
        row = box * targets + (self.target[entry] - region.targets.start)[which]
        ranges = (torch.arange(p.start, p.stop, device=row.device) for p in (boxes[2], *boxes[:2]))
        middles = torch.cartesian_prod(*ranges)[:, [1, 2, 0]]
        return Pairs(
            self.atom[entry], None if self.channel is None else self.channel[entry],
            None if self.grid is None else self.grid[entry],
            middles * self.lattice.block_tensor + (self.lattice.block_tensor - 1) / 2,
            which, box, torch.bincount(row, minlength=numbers * targets), targets,
        )  # fmt: skip

    @functools.cached_property
    def lows(self) -> Tensor:
        """Where the reach of each entry begins [E, 3] in blocks."""
        return self.position - self.radius

    @functools.cached_property
    def highs(self) -> Tensor:
        """Where it ends [E, 3]."""
        return self.position + self.radius

    def _gaps(self, entry: Tensor, axis: int, places: range) -> Tensor:
        """Squared distances [n, e] from e entries to n slices of blocks, as a part of their reach; 0 for all inside.

        On axes that are not orthogonal, where these do not add up, what is reached at all has 0, the rest infinity.
        """
        position, extent = self.position[entry, axis], 1 - 1 / self.lattice.block[axis]
        offset = position - torch.arange(places.start, places.stop, device=position.device)[:, None]
        gaps = ((offset - offset.clamp(0, extent)) / self.radius[entry, axis]).square_()
        if not self.lattice.orthogonal:
            gaps = torch.where(gaps <= 1 + _SLACK, 0.0, math.inf)
        return gaps.float()


@dataclass(frozen=True)
class Pairs:
    """The M pairs of the e entries and B blocks of a region of R rows of results, in the order of these.

    Rows are sorted by the block's place along z, x and y, then target.

    Args:
        atom: the centre of each entry [e].
        channel: its channel [e]; None if it stands for all.
        grid: its grid [e]; None where there is one.
        middles: of the blocks [B, 3] in steps of the grid.
        entry: of each pair [M].
        block: of each pair [M].
        counts: the number of pairs of each row [R].
        targets: the number of rows of each block.
    """

    atom: Tensor
    channel: Tensor | None
    grid: Tensor | None
    middles: Tensor
    entry: Tensor
    block: Tensor
    counts: Tensor
    targets: int

    def numbers(
        self, lattice: Lattice, centers: Tensor, weights: Tensor, widths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Of every entry the position [e, 3] in steps of the grid and the width [e], in double precision; its weights.

        The latter are [e, C or 1].
        """
        position = lattice.coordinates(centers.index_select(0, self.atom), self.grid)
        width, weight = widths.index_select(0, self.atom), weights.index_select(0, self.atom)
        if self.channel is not None:
            weight = weight.gather(1, self.channel[:, None])
            width = width if width.ndim == 1 else width.gather(1, self.channel[:, None])[:, 0]
        return position, width.double(), weight

    def groups(self, pairs_at_once: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The rows [G] of a group and their pairs [G, P], padded with M; rows that have none are left out."""
        for rows, longest in padded_groups(self.counts, pairs_at_once):
            yield rows, self.places(rows, longest)

    def places(self, rows: Tensor, longest: int) -> Tensor:
        """The pairs [G, P] of some rows [G], padded with M to the longest of their lists."""
        stops = self.stops[rows, None]
        place = (stops - self.counts[rows, None]) + torch.arange(longest, device=rows.device)
        return place.masked_fill_(place >= stops, self.entry.shape[0])

    @functools.cached_property
    def stops(self) -> Tensor:
        """Where the pairs of each row end [R]."""
        return self.counts.cumsum(0)
