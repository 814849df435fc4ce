"""Where a further atom would reduce the residual most, on a lattice."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.nn.ops.structure_factors import StructureFactors

_UNLIKELY = 1e9
"""What is subtracted from sums at nodes that are not likely; more than any sum."""
_FAR = 1e6
"""Spacings from the origin at which no lattice has nodes."""


class Lattice:
    """The nodes of a lattice about the origin that cover boxes of ``half [B, 3]`` Å.

    Sums of A cos(k · r) + B sin(k · r) over the wave vectors are even + odd at (x, y, z) and even - odd at (-x, -y, z),
    so half of the nodes (x, y) are enough.

    Args:
        transform: gives the wave vectors.
        half: half the edges of the boxes.
        spacing: Å.
    """

    def __init__(self, transform: StructureFactors, half: Tensor, spacing: float) -> None:
        self.spacing = spacing
        self.last = [int(k) for k in (half.amax(0) / spacing).ceil().tolist()]
        x, y, z = (spacing * torch.arange(-k, k + 1, device=half.device).to(half) for k in self.last)
        self.plane, self.z = torch.cartesian_prod(x, y)[len(x) * len(y) // 2 :], z
        phase = (self.plane @ transform.wave_vectors[:2]).T
        self.plane_cos, self.plane_sin = phase.cos(), phase.sin()
        phase = z.unsqueeze(1) * transform.wave_vectors[2]
        self.cos, self.sin = phase.cos(), phase.sin()
        reach = half.unsqueeze(1) + spacing / 2
        across, along = (self.plane.abs() <= reach[..., :2]).all(2), z.abs() <= reach[..., 2]
        inside = along.unsqueeze(2) & across.unsqueeze(1)
        self.barrier = torch.zeros_like(inside, dtype=half.dtype).masked_fill(~inside, -torch.inf)

    def near(self, pos: Tensor, mask: Tensor, closest: float, farthest: float) -> Tensor:
        """Which nodes are between two distances from the nearest of the atoms that a molecule has, if it has any.

        Args:
            pos: ``[B, n, 3]`` Å.
            mask: ``[B, n]`` bool: whether there is an atom.
            closest: Å.
            farthest: Å.

        Returns:
            ``[2, B, z, plane]`` bool: for nodes (x, y, z), then (-x, -y, z).
        """
        reach = int(farthest / self.spacing + 0.5)
        steps = torch.cartesian_prod(*[torch.arange(-reach, reach + 1, device=pos.device)] * 3)
        node = (pos / self.spacing).clamp(-_FAR, _FAR).round().long().unsqueeze(2) + steps
        apart = (node * self.spacing - pos.unsqueeze(2)).square().sum(3)
        last = torch.tensor(self.last, device=pos.device)
        outside = ((node.abs() > last).any(3) | ~mask.unsqueeze(2)).flatten(1)
        x, y, z = (node + last).unbind(3)
        rows, columns, layers = (2 * k + 1 for k in self.last)
        count = rows * columns * layers
        place = ((z * rows + x) * columns + y).flatten(1).masked_fill(outside, count)
        nearest = pos.new_full((len(pos), count + 1), torch.inf)
        nearest = nearest.scatter_reduce(1, place, apart.flatten(1), "amin")[:, :count].unflatten(1, (layers, -1))
        found = ((nearest > closest**2) & (nearest < farthest**2)) | ~mask.any(1)[:, None, None]
        middle = rows * columns // 2
        return torch.stack([found[..., middle:], found[..., : middle + 1].flip(2)])

    def best(
        self, real: Tensor, imaginary: Tensor, open_: Tensor, likely: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The kind ``[B]`` and the node ``[B, 3]`` with the largest sum.

        Args:
            real: A ``[B, K, W]`` for each of K kinds.
            imaginary: B ``[B, K, W]``.
            open_: ``[B, K]`` bool, the kinds to choose from.
            likely: ``[2, B, z, plane]`` bool, the nodes to choose from where there are such, see :meth:`near`.
        """
        real, imaginary = real.unsqueeze(2), imaginary.unsqueeze(2)
        shape = (*open_.shape, len(self.z), len(self.plane))
        even = (real * self.cos).addcmul_(imaginary, self.sin).flatten(0, 2) @ self.plane_cos
        odd = (imaginary * self.cos).addcmul_(real, self.sin, value=-1).flatten(0, 2) @ self.plane_sin
        even = even.view(shape) + self.barrier.unsqueeze(1)
        even = even.masked_fill_(~open_[:, :, None, None], -torch.inf)
        both = [even + odd.view(shape), even - odd.view(shape)]
        if likely is not None:
            both = [sums.sub_(_UNLIKELY * ~one.unsqueeze(1)) for sums, one in zip(both, likely, strict=True)]
        (ahead, first), (behind, second) = (sums.flatten(1).max(1) for sums in both)
        index = torch.where(ahead >= behind, first, second)
        side = torch.where(ahead >= behind, 1.0, -1.0).to(real).unsqueeze(1)
        place = index % (shape[2] * shape[3])
        across, along = self.plane[place % shape[3]], self.z[place // shape[3]]
        return index // (shape[2] * shape[3]), torch.cat([side * across, along.unsqueeze(1)], dim=1)
