"""`Lattice`: the samples of one channel, and the nodes around any point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.fields import Grid
from tg_molfield.fields.periodic import fold

GAUSSIAN_REACH = 4.6
"""Where a Gaussian counts as zero during a fit, in its widths; it is 2.5e-5 there."""


@dataclass(frozen=True)
class Lattice:
    """Samples of one channel on a grid.

    Args:
        values: [nx, ny, nz], float64.
        origin: the first node [3] in Å.
        axes: the steps [3, 3] in Å, one a row.
        periodic: along which axes the values repeat.
    """

    values: Tensor
    origin: Tensor
    axes: Tensor
    periodic: tuple[bool, bool, bool]

    @classmethod
    def of(cls, values: Tensor, grid: Grid, periodic: tuple[bool, bool, bool]) -> Lattice:
        """The lattice of values [nx, ny, nz] at the nodes of ``grid``."""
        device = values.device
        return cls(values.double(), grid.origin_tensor(device=device), grid.axes_tensor(device=device), periodic)

    @classmethod
    def orthogonal(cls, values: Tensor, steps: Tensor) -> Lattice:
        """A lattice that is not periodic, whose node (i, j, k) lies at (i, j, k) · ``steps``.

        These are the coordinates of an orthogonal grid of any orientation; `to_global` takes places out of them.

        Args:
            values: [nx, ny, nz], float64.
            steps: the distance between neighbours along each axis [3] in Å, float64.
        """
        return cls(values, torch.zeros_like(steps), torch.diag(steps), (False, False, False))

    @property
    def steps(self) -> Tensor:
        """The distance [3] between neighbouring nodes along each axis in Å."""
        return self.axes.norm(dim=1)

    def coarsened(self, spacing: float) -> Lattice:
        """Every k-th node along each axis, with k as large as ``spacing`` (Å) allows and a period divides by."""
        factors = []
        for step, count, periodic in zip(self.steps.tolist(), self.values.shape, self.periodic, strict=True):
            factor = max(1, min(math.floor(spacing / step), count // 2))
            while periodic and count % factor:
                factor -= 1
            factors.append(factor)
        x, y, z = factors
        axes = self.axes * self.axes.new_tensor(factors)[:, None]
        return Lattice(self.values[::x, ::y, ::z].contiguous(), self.origin, axes, self.periodic)

    def fractional(self, pos: Tensor) -> Tensor:
        """Positions [N, 3] in steps from the first node."""
        return (pos - self.origin) @ torch.linalg.inv(self.axes)

    def contains(self, pos: Tensor) -> Tensor:
        """Which of the points [N, 3] lie between the nodes, or along periodic axes anywhere."""
        place = self.fractional(pos)
        last = place.new_tensor(self.values.shape) - 1
        periodic = torch.tensor(self.periodic, device=pos.device)
        return (((place >= 0) & (place <= last)) | periodic).all(1)

    def positions(self, index: Tensor) -> Tensor:
        """The places [N, 3] of (fractional) nodes ``index`` [N, 3] in Å."""
        return self.origin + index.to(self.axes) @ self.axes

    def wrapped(self, pos: Tensor) -> Tensor:
        """The points [N, 3] moved by whole periods to between the first nodes and their repetitions."""
        cell = self.axes * self.axes.new_tensor(self.values.shape)[:, None]
        return self.origin + fold(pos - self.origin, cell, torch.tensor(self.periodic, device=pos.device))

    def around(self, pos: Tensor, radius: float) -> tuple[Tensor, Tensor, Tensor]:
        """The nodes within ``radius`` (Å) of each point, in an order of offsets that is the same for all.

        Args:
            pos: [N, 3].
            radius: in Å.

        Returns:
            The flat index of the nodes [N, S], whether they exist and are near [N, S], and node − point [N, S, 3].
        """
        shape = torch.tensor(self.values.shape, device=pos.device)
        node = self.fractional(pos).round().long()[:, None] + self._offsets(radius)
        difference = self.positions(node.flatten(0, 1)).view(node.shape) - pos[:, None]
        near = difference.square().sum(2) <= radius**2
        wrapped = node % shape
        periodic = torch.tensor(self.periodic, device=pos.device)
        near &= ((node == wrapped) | periodic).all(2)
        index = (wrapped[..., 0] * shape[1] + wrapped[..., 1]) * shape[2] + wrapped[..., 2]
        return index, near, difference

    def gaussians_around(self, pos: Tensor, width: float) -> tuple[Tensor, Tensor, Tensor]:
        """Gaussians of ``width`` (Å) at ``pos`` [N, 3], at the S nodes around each; quick, for `orthogonal` lattices.

        Returns:
            The flat index of the nodes [N, S], the values there [N, S] (0 where there is no node), and the differences
            node − place over the width [N, 3, S].
        """
        steps = self.steps
        spans = [math.ceil(GAUSSIAN_REACH * width / float(step)) for step in steps]
        ranges = [torch.arange(-span, span + 1) for span in spans]
        offsets = torch.cartesian_prod(*ranges)
        rounding = 0.5 * float(steps.norm())
        near = (offsets * steps).norm(dim=1) <= GAUSSIAN_REACH * width + rounding
        offsets = offsets[near]
        columns = offsets + torch.tensor(spans)
        nearest = (pos / steps).round().long()
        factors, differences, places = [], [], []
        for axis, count in enumerate(self.values.shape):
            node = nearest[:, axis, None] + ranges[axis]
            apart = (node * steps[axis] - pos[:, axis, None]) / width
            exists = (node >= 0) & (node < count)
            factors.append((torch.exp(-0.5 * apart.square()) * exists)[:, columns[:, axis]])
            differences.append(apart[:, columns[:, axis]])
            places.append(node.clamp(0, count - 1)[:, columns[:, axis]])
        _, ny, nz = self.values.shape
        index = (places[0] * ny + places[1]) * nz + places[2]
        return index, factors[0] * factors[1] * factors[2], torch.stack(differences, 1)

    def _offsets(self, radius: float) -> Tensor:
        farthest = radius + 0.5 * float(self.steps.sum())
        spans = (farthest * torch.linalg.inv(self.axes).norm(dim=0)).ceil().long().tolist()
        ranges = [torch.arange(-span, span + 1, device=self.axes.device) for span in spans]
        offsets = torch.cartesian_prod(*ranges)
        return offsets[(offsets.to(self.axes) @ self.axes).norm(dim=1) <= farthest]


def local_steps(grid: Grid) -> Tensor:
    """The distances [3] in Å between neighbouring nodes of an orthogonal grid."""
    return grid.axes_tensor().norm(dim=1)


def to_global(pos: Tensor, grid: Grid) -> Tensor:
    """Places [N, 3] of a lattice in the coordinates of its grid."""
    directions = grid.axes_tensor() / local_steps(grid)[:, None]
    return pos @ directions + grid.origin_tensor()
