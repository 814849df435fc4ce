"""`DisplacementField`: the vector from every point to the nearest atom."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from tg_molfield.fields.aggregates import AggregateField
from tg_molfield.fields.nearest import Spheres


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

    def _values(self, pos: Tensor, batch: Tensor) -> Tensor:
        spheres = Spheres.of(self.base, pos, batch).as_points()
        with torch.no_grad():
            nearest = spheres.reduce(_argmin)
        atoms = torch.nn.functional.pad(spheres.centers, (0, 0, 0, 1))
        none = (nearest == len(spheres.centers)).unsqueeze(1)
        vectors = torch.where(none, math.inf, atoms[nearest] - spheres.pos)
        return spheres.by_channel(vectors).flatten(1).to(pos)


def _argmin(distances: Tensor, index: Tensor) -> Tensor:
    return index.gather(1, distances.argmin(2))
