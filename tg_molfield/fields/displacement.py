"""`DisplacementField`: the vector from every point to the nearest atom."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from tg_molfield.fields.aggregates import AggregateField
from tg_molfield.fields.engine import reduce_over_nearest
from tg_molfield.fields.nearest import by_channel, spheres_around
from tg_molfield.fields.rbf import RBFField


@final
class DisplacementField(AggregateField):
    """The vector r − x in Å from x to the nearest of a channel's atoms: channels x, y and z for each one of ``base``.

    It rotates with the molecule, is 0 at atoms, jumps where two atoms are equally near, grows far from the molecule,
    and is infinite where a channel has no atoms. Source: VecMol's vector fields by type of atom.

    Args:
        base: the atoms; one belongs to the channels where its weight is not 0. Widths and kernel do not matter.

    Raises:
        ValueError: a weight is negative.
    """

    rule = "displacement"

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(f"{name}.{axis}" for name in self.base.channels for axis in "xyz")

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return by_channel(_to_nearest, self.base, pos, self.base.check(pos, batch)).flatten(1)


def _to_nearest(base: RBFField, channel: int, pos: Tensor) -> Tensor:
    centers, radii, pos, margin = spheres_around(base, channel, pos)
    if not len(pos) or not len(centers):
        return torch.full_like(pos, math.inf)
    with torch.no_grad():
        nearest = reduce_over_nearest(_argmin, centers, torch.zeros_like(radii), pos, margin)
    return centers[nearest] - pos


def _argmin(distances: Tensor, index: Tensor) -> Tensor:
    return index.gather(1, distances.argmin(2))
