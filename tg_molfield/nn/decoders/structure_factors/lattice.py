"""Where a further atom would reduce the residual most, on a lattice."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.nn.ops.structure_factors import StructureFactors


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
        last = (half.amax(0) / spacing).ceil().tolist()
        x, y, z = (spacing * torch.arange(-int(k), int(k) + 1, device=half.device).to(half) for k in last)
        self.plane, self.z = torch.cartesian_prod(x, y)[len(x) * len(y) // 2 :], z
        phase = (self.plane @ transform.wave_vectors[:2]).T
        self.plane_cos, self.plane_sin = phase.cos(), phase.sin()
        phase = z.unsqueeze(1) * transform.wave_vectors[2]
        self.cos, self.sin = phase.cos(), phase.sin()
        reach = half.unsqueeze(1) + spacing / 2
        across, along = (self.plane.abs() <= reach[..., :2]).all(2), z.abs() <= reach[..., 2]
        inside = along.unsqueeze(2) & across.unsqueeze(1)
        self.barrier = torch.zeros_like(inside, dtype=half.dtype).masked_fill(~inside, -torch.inf)

    def best(self, real: Tensor, imaginary: Tensor, open_: Tensor) -> tuple[Tensor, Tensor]:
        """The kind ``[B]`` and the node ``[B, 3]`` with the largest sum.

        Args:
            real: A ``[B, K, W]`` for each of K kinds.
            imaginary: B ``[B, K, W]``.
            open_: ``[B, K]`` bool, the kinds to choose from.
        """
        real, imaginary = real.unsqueeze(2), imaginary.unsqueeze(2)
        shape = (*open_.shape, len(self.z), len(self.plane))
        even = (real * self.cos).addcmul_(imaginary, self.sin).flatten(0, 2) @ self.plane_cos
        odd = (imaginary * self.cos).addcmul_(real, self.sin, value=-1).flatten(0, 2) @ self.plane_sin
        even = even.view(shape) + self.barrier.unsqueeze(1)
        even = even.masked_fill_(~open_[:, :, None, None], -torch.inf)
        (ahead, first), (behind, second) = (
            sums.flatten(1).max(1) for sums in (even + odd.view(shape), even - odd.view(shape))
        )
        index = torch.where(ahead >= behind, first, second)
        side = torch.where(ahead >= behind, 1.0, -1.0).to(real).unsqueeze(1)
        place = index % (shape[2] * shape[3])
        across, along = self.plane[place % shape[3]], self.z[place // shape[3]]
        return index // (shape[2] * shape[3]), torch.cat([side * across, along.unsqueeze(1)], dim=1)
