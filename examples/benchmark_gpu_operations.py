"""How many floating-point operations a sum of Gaussians takes, for `benchmark_gpu.py`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tg_molfield import Grid

PER_PAIR = 10
"""Three differences, three squares, two sums, a factor and an exponential, which counts as one."""
_DRAWN, _CENTERS = 2**18, 256


def operations(pairs: float, weights: Tensor) -> float:
    """Of the values: for each pair `PER_PAIR`, and a product and a sum for each weight ``[N, C]`` that is not 0."""
    return pairs * (PER_PAIR + 2 * float((weights != 0).sum(1).double().mean()))


def pairs_on_grids(centers: Tensor, widths: Tensor, batch: Tensor, grids: Sequence[Grid], reach: float) -> float:
    """About how many pairs of a centre and a node of its grid are nearer than ``reach`` widths.

    It is the volume of the balls around centres, as far as they are inside the grids, by points drawn in them.
    """
    generator = torch.Generator().manual_seed(0)
    centers, widths, batch = (x.cpu() for x in (centers.double(), widths.double(), batch))
    axes = torch.stack([grid.axes_tensor() for grid in grids])
    origins = torch.stack([grid.origin_tensor() for grid in grids])
    shapes = torch.tensor([grid.shape for grid in grids])
    some = torch.randint(len(centers), (_DRAWN,), generator=generator)
    owner, radius = batch[some], reach * widths[some]
    away = torch.randn(_DRAWN, 3, generator=generator, dtype=torch.float64)
    away = away / away.norm(dim=1, keepdim=True) * torch.rand(_DRAWN, 1, generator=generator).double() ** (1 / 3)
    away = centers[some] + radius.unsqueeze(1) * away - origins[owner]
    place = torch.linalg.solve(axes.transpose(1, 2)[owner], away)
    inside = ((place >= -0.5) & (place <= shapes[owner] - 0.5)).all(1)
    nodes = 4 / 3 * math.pi * radius**3 / axes.det().abs()[owner]
    return len(centers) * float((nodes * inside).mean())


def pairs_at_points(
    centers: Tensor, widths: Tensor, center_batch: Tensor, pos: Tensor, batch: Tensor, reach: float
) -> float:
    """About how many pairs of a centre and a point of its molecule are in reach, counted at some centres."""
    some = torch.linspace(0, len(centers) - 1, min(_CENTERS, len(centers)), device=centers.device).long()
    near = torch.cdist(centers[some], pos) < reach * widths[some].unsqueeze(1)
    mine = center_batch[some].unsqueeze(1) == batch
    return len(centers) / len(some) * float((near & mine).sum())
