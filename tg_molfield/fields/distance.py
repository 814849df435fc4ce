"""`DistanceField`: the signed distance to the surface of the atoms' spheres."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from tg_molfield.fields.aggregates import AggregateField
from tg_molfield.fields.engine.candidates import over_candidates
from tg_molfield.fields.periodic import images
from tg_molfield.fields.rbf import RBFField


@final
class DistanceField(AggregateField):
    """f_c(x) = min_i (|x − r_i| − R_i) over the atoms of channel c, in Å: below 0 inside, 0 on the surface.

    The radii R are the widths of ``base``; an atom belongs to the channels where its weight is not 0. With
    ``smoothness`` k > 0 the minimum is −k ln Σ_i exp(−(|x − r_i| − R_i)/k), which rounds the creases over about
    k Å and lies at most k ln(number of atoms) below. Unlike other fields a distance grows far away, and where a
    channel has no atoms it is infinite.

    Args:
        base: centres, weights and radii.
        smoothness: k in Å; 0 for the exact minimum.

    Raises:
        ValueError: ``smoothness`` is negative or not finite, or a weight is negative.
    """

    rule = "distance"

    def __init__(self, base: RBFField, smoothness: float = 0.0) -> None:
        super().__init__(base)
        if not (math.isfinite(smoothness) and smoothness >= 0):
            raise ValueError(f"smoothness={smoothness}: must be finite and not negative, in Å")
        self.smoothness = smoothness

    def unbatch(self) -> list[AggregateField]:
        return [DistanceField(one, self.smoothness) for one in self.base.unbatch()]

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        batch = self.base.check(pos, batch)
        counts = torch.bincount(batch, minlength=self.num_graphs).tolist()
        graphs = zip(self.base.unbatch(), pos.split(counts), strict=True)
        return torch.cat([self._single(graph, points) for graph, points in graphs]) if counts else pos.new_zeros(0, 0)

    def _single(self, base: RBFField, pos: Tensor) -> Tensor:
        columns = [self._column(base, channel, pos) for channel in range(len(self.channels))]
        return torch.stack(columns, 1) if columns else pos.new_zeros(len(pos), 0)

    def _column(self, base: RBFField, channel: int, pos: Tensor) -> Tensor:
        mine = base.weights[:, channel] != 0
        if not len(pos) or not bool(mine.any()):
            return pos.new_full((len(pos),), math.inf)
        centers = base.centers[mine]
        radii = base.widths[mine] if base.widths.ndim == 1 else base.widths[mine, channel]
        margin = self.smoothness * math.log(len(radii) / torch.finfo(pos.dtype).eps)
        if base.cell is not None and base.pbc is not None:
            cell, pbc = base.cell[0], base.pbc[0]
            spread = float(radii.max() - radii.min())
            span = float(cell[pbc].norm(dim=1).sum())
            centers, source = images(centers, cell, pbc, span + spread + margin)
            radii, pos = radii[source], base.folded(pos, torch.zeros(len(pos), dtype=torch.long, device=pos.device))
        return over_candidates(self._least, centers, radii, pos, margin)

    def _least(self, distances: Tensor) -> Tensor:
        if not self.smoothness:
            return distances.amin(2)
        return -self.smoothness * torch.logsumexp(-distances / self.smoothness, 2)
