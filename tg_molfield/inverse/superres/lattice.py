"""`Lattice`: the samples of one channel in its own orthogonal coordinates, and the nodes around any place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.fields import Grid

REACH = 4.6
"""Where a Gaussian counts as zero during a fit, in its widths; it is 2.5e-5 there."""


@dataclass(frozen=True)
class Lattice:
    """Samples of one channel; node (i, j, k) lies at (i, j, k) · ``steps``.

    Args:
        values: [nx, ny, nz], float64.
        steps: the distance between neighbours along each axis [3] in Å, float64.
    """

    values: Tensor
    steps: Tensor

    @property
    def spacing(self) -> float:
        """The mean distance between neighbouring nodes in Å."""
        return float(self.steps.prod()) ** (1 / 3)

    def around(self, pos: Tensor, width: float) -> tuple[Tensor, Tensor, Tensor]:
        """Gaussians of ``width`` (Å) at ``pos`` [N, 3], at the S nodes around each.

        Returns:
            The flat index of the nodes [N, S], the values there [N, S] (0 where there is no node), and
            the differences node − place over the width [N, 3, S].
        """
        spans = [math.ceil(REACH * width / float(step)) for step in self.steps]
        ranges = [torch.arange(-span, span + 1) for span in spans]
        offsets = torch.cartesian_prod(*ranges)
        rounding = 0.5 * float(self.steps.norm())
        near = (offsets * self.steps).norm(dim=1) <= REACH * width + rounding
        offsets = offsets[near]
        columns = offsets + torch.tensor(spans)
        nearest = (pos / self.steps).round().long()
        factors, differences, places = [], [], []
        for axis, count in enumerate(self.values.shape):
            node = nearest[:, axis, None] + ranges[axis]
            apart = (node * self.steps[axis] - pos[:, axis, None]) / width
            exists = (node >= 0) & (node < count)
            factors.append((torch.exp(-0.5 * apart.square()) * exists)[:, columns[:, axis]])
            differences.append(apart[:, columns[:, axis]])
            places.append(node.clamp(0, count - 1)[:, columns[:, axis]])
        _, ny, nz = self.values.shape
        index = (places[0] * ny + places[1]) * nz + places[2]
        return index, factors[0] * factors[1] * factors[2], torch.stack(differences, 1)


def local_steps(grid: Grid) -> Tensor:
    """The distances [3] in Å between neighbouring nodes of an orthogonal grid."""
    return grid.axes_tensor().norm(dim=1)


def to_global(pos: Tensor, grid: Grid) -> Tensor:
    """Places [N, 3] of a lattice in the coordinates of its grid."""
    directions = grid.axes_tensor() / local_steps(grid)[:, None]
    return pos @ directions + grid.origin_tensor()
