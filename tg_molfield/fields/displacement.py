"""`DisplacementField`: from every point to the nearest atom."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from tg_molfield.fields.aggregates import AggregateField
from tg_molfield.fields.distance import DistanceField
from tg_molfield.fields.rbf import RBFField


@final
class DisplacementField(AggregateField):
    """The vector r − x in Å from x to the nearest of a channel's atoms: channels x, y and z for each one of ``base``.

    It turns with the molecule, is 0 at atoms, jumps where two are equally near, grows far away, and is infinite where
    a channel has no atoms. Source: VecMol's vector fields by type of atom.

    Args:
        base: the atoms; one belongs to the channels where its weight is not 0. Widths and kernel do not matter.

    Raises:
        ValueError: a weight is negative.
    """

    rule = "displacement"

    def __init__(self, base: RBFField) -> None:
        super().__init__(base)
        self._distance = DistanceField(base.with_widths(1.0))

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(f"{name}.{axis}" for name in self.base.channels for axis in "xyz")

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        with torch.enable_grad():
            points = pos if pos.requires_grad else pos.detach().requires_grad_()
            distance = self._distance(points, batch)
            slope = self._distance.gradient(points, batch)
        if not (torch.is_grad_enabled() and pos.requires_grad):
            distance, slope = distance.detach(), slope.detach()
        known = distance.isfinite()
        reach = torch.where(known, distance + 1, torch.zeros_like(distance))
        vectors = torch.where(known[..., None], -reach[..., None] * slope, torch.full_like(slope, math.inf))
        return vectors.flatten(1)
