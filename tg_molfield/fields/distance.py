"""`DistanceField`: the signed distance to the surface of the atoms' spheres."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from tg_molfield.arguments import check_not_negative
from tg_molfield.fields.aggregates import AggregateField
from tg_molfield.fields.nearest import Spheres
from tg_molfield.fields.rbf import RBFField


@final
class DistanceField(AggregateField):
    """f_c(x) = min_i (|x − r_i| − R_i) over the atoms of channel c, in Å: below 0 inside, 0 on the surface.

    The radii R are the widths of ``base``; an atom belongs to the channels where its weight is not 0. With
    ``smoothness`` k > 0 the minimum is −k ln Σ_i exp(−(|x − r_i| − R_i)/k), which rounds the creases over about
    k Å and is at most k ln(number of atoms) smaller. Unlike other fields, a distance grows far from the molecule;
    where a channel has no atoms it is infinite.

    Args:
        base: centres, weights and radii.
        smoothness: k in Å; 0 for the exact minimum.

    Raises:
        ValueError: ``smoothness`` is negative or not finite, or a weight is negative.
    """

    rule = "distance"

    def __init__(self, base: RBFField, smoothness: float = 0.0) -> None:
        super().__init__(base)
        check_not_negative("smoothness", smoothness, "0 is exact")
        self.smoothness = smoothness

    def _of(self, base: RBFField) -> DistanceField:
        return DistanceField(base, self.smoothness)

    def _values(self, pos: Tensor, batch: Tensor) -> Tensor:
        spheres = Spheres.of(self.base, pos, batch, self.smoothness)
        return spheres.by_channel(spheres.reduce(self._least)).to(pos)

    def _least(self, distances: Tensor, index: Tensor) -> Tensor:
        if not self.smoothness:
            return distances.amin(2)
        return -self.smoothness * torch.logsumexp(-distances / self.smoothness, 2)
