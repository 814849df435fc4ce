"""Lists of what reaches which block: entries are centres or (centre, channel) couples, pairs are entry and block."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.fields.engine.lattice import Lattice, Region
from tg_molfield.fields.engine.pairs import padded_groups, touching


@dataclass(frozen=True)
class Entries:
    """What is summed: every centre once for all channels, or once for each channel that it has a weight in.

    Args:
        lattice: the blocks.
        atom: the centre of each entry [E].
        channel: its channel [E]; None if it stands for all.
        grid: the grid [E] that it lies on; None where there is one.
        target: the row of the result it adds to [E]: its grid, or grid · C + channel.
        targets: the number of such rows.
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
    channels: int
    position: Tensor
    radius: Tensor

    @classmethod
    def of(
        cls, lattice: Lattice, centers: Tensor, weights: Tensor, widths: Tensor, batch: Tensor | None,
        reach: float, every_weight: bool,
    ) -> Entries:  # fmt: skip
        """The entries of centres [N, 3] with weights [N, C] and widths [N] or [N, C].

        Channels are taken together where that is less work: where most weights are not 0 and widths are shared.

        Args:
            lattice: the blocks.
            centers: in Å.
            weights: of the centres.
            widths: in Å.
            batch: grid of each centre [N]; None where there is one.
            reach: how many widths a centre reaches.
            every_weight: whether weights that are 0 count as well.
        """
        (n, columns), grids = weights.shape, len(lattice.origins)
        filled = n * columns if every_weight else int(weights.count_nonzero())
        if widths.ndim == 1 and 2 * filled >= n * (1 + columns):
            atom, channel = torch.arange(n, device=centers.device), None
        elif every_weight:
            atom, channel = torch.cartesian_prod(
                torch.arange(n, device=centers.device), torch.arange(columns, device=centers.device)
            ).unbind(1)
        else:
            atom, channel = weights.nonzero(as_tuple=True)
        grid = None if batch is None else batch[atom]
        target = torch.zeros_like(atom) if grid is None else grid
        width = widths[atom] if widths.ndim == 1 or channel is None else widths[atom, channel]
        position = lattice.coordinates(centers[atom], grid) / lattice.block_tensor
        radius = reach * width.double()[:, None] * lattice.density(grid) / lattice.block_tensor
        if channel is None:
            return cls(lattice, atom, None, grid, target, grids, columns, position, radius)
        return cls(lattice, atom, channel, grid, target * columns + channel, grids * columns, 1, position, radius)

    def pairs(self, region: Region) -> Pairs | None:
        """What reaches the blocks of the region; None where nothing does."""
        x, y, z = region.x, region.y, range(self.lattice.counts[2])
        first = self.position.new_tensor([x.start, y.start, 0])
        last = self.position.new_tensor([x.stop - 1, y.stop - 1, z.stop - 1])
        extent = 1 - 1 / self.lattice.block_tensor
        near = (self.position + self.radius >= first) & (self.position - self.radius <= last + extent)
        mine = near.all(1) & (self.target >= region.targets.start) & (self.target < region.targets.stop)
        entry = mine.nonzero()[:, 0]
        which, box = touching(self.position[entry], self.radius[entry], first, last, extent, self.lattice.orthogonal)
        if not len(which):
            return None
        entry = entry[which]
        row = self.target[entry] - region.targets.start
        for axis, places in enumerate((x, y, z)):
            row = row * len(places) + (box[:, axis] - places.start)
        rows = len(region.targets) * math.prod(len(places) for places in (x, y, z))
        row, order = row.sort()
        entry, counts = entry[order], torch.bincount(row, minlength=rows)
        return Pairs(
            self.atom[entry], None if self.channel is None else self.channel[entry],
            None if self.grid is None else self.grid[entry], box[order], counts,
        )  # fmt: skip


@dataclass(frozen=True)
class Pairs:
    """The M pairs of entry and block in a region of R blocks, in the order of the blocks.

    Args:
        atom: the centre of each pair [M].
        channel: its channel [M]; None if it stands for all.
        grid: its grid [M]; None where there is one.
        box: its block [M, 3].
        counts: the number of pairs of each block [R].
    """

    atom: Tensor
    channel: Tensor | None
    grid: Tensor | None
    box: Tensor
    counts: Tensor

    def numbers(
        self, lattice: Lattice, centers: Tensor, weights: Tensor, widths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Of every pair, the way from the centre to the middle of the block, the width and the weights.

        Returns:
            The way [M, 3] in steps of the grid and the width [M] in Å, both in double precision; weights [M, C or 1].
        """
        middle = self.box * lattice.block_tensor + (lattice.block_tensor - 1) / 2
        way = middle - lattice.coordinates(centers[self.atom], self.grid)
        if self.channel is None:
            return way, widths[self.atom].double(), weights[self.atom]
        width = widths[self.atom] if widths.ndim == 1 else widths[self.atom, self.channel]
        return way, width.double(), weights[self.atom, self.channel][:, None]

    def groups(self, pairs_at_once: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The blocks [G] of a group and their pairs [G, P], padded with M; blocks that have none are left out."""
        starts = self.counts.cumsum(0) - self.counts
        for rows, longest in padded_groups(self.counts, pairs_at_once):
            places = torch.arange(longest, device=rows.device)
            filled = places < self.counts[rows, None]
            yield rows, torch.where(filled, starts[rows, None] + places, len(self.atom))
