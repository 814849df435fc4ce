"""The samples of one channel and the nodes around any point of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.fields import Grid


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

    @property
    def steps(self) -> list[float]:
        """The distance between neighbouring nodes along each axis in Å."""
        return self.axes.norm(dim=1).tolist()

    def coarsened(self, spacing: float) -> Lattice:
        """Every k-th node along each axis, with k as large as ``spacing`` (Å) allows and a period divides by."""
        factors = []
        for step, count, periodic in zip(self.steps, self.values.shape, self.periodic, strict=True):
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

    def _offsets(self, radius: float) -> Tensor:
        farthest = radius + 0.5 * sum(self.steps)
        spans = (farthest * torch.linalg.inv(self.axes).norm(dim=0)).ceil().long().tolist()
        ranges = [torch.arange(-span, span + 1, device=self.axes.device) for span in spans]
        offsets = torch.cartesian_prod(*ranges)
        return offsets[(offsets.to(self.axes) @ self.axes).norm(dim=1) <= farthest]
