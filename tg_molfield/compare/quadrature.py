"""Overlaps of any two fields as sums over a grid, with an estimate of their error."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.fields import Field, Grid, RBFField, Volume

SPACING, MARGIN = 0.25, 5.0
"""Of the grid around the atoms, in Å, where none is given."""


class Overlaps(NamedTuple):
    """What two functions share, by channel.

    Attributes:
        fg: ∫ f g d³r [C].
        ff: ∫ f² d³r [C].
        gg: ∫ g² d³r [C].
        error: the greatest error of the three in any channel, relative to √(ff gg).
    """

    fg: Tensor
    ff: Tensor
    gg: Tensor
    error: float


def overlaps_on(f: Field, g: Field, grid: Grid | None) -> Overlaps:
    """Overlaps by the trapezoidal rule on the nodes of ``grid``, or of a grid chosen by `quadrature_grid`.

    The error is estimated by what changes when every second node is left out, and by what the outermost nodes add,
    where the fields should have vanished. Periodic axes have no outermost nodes.

    Raises:
        ValueError: no grid is given, and the fields have neither grids nor atoms.
    """
    grid = quadrature_grid(f, g) if grid is None else grid
    first, second = f.on(grid), g.on(grid)
    values, others = first.values.double(), second.values.double()
    products = torch.stack([values * others, values.square(), others.square()])
    whole = products.sum((2, 3, 4))
    periodic = [mine and theirs for mine, theirs in zip(first.periodic, second.periodic, strict=True)]
    coarse, inner = products, products
    for axis, (repeats, nodes) in enumerate(zip(periodic, grid.shape, strict=True), start=1):
        if nodes > 2 and not (repeats and nodes % 2):
            coarse = 2 * coarse.index_select(axis + 1, torch.arange(0, nodes, 2, device=coarse.device))
        if nodes > 2 and not repeats:
            inner = inner.narrow(axis + 1, 1, nodes - 2)
    scale = (whole[1] * whole[2]).sqrt()
    known = scale > 0
    spread = ((coarse.sum((2, 3, 4)) - whole).abs() + (inner.sum((2, 3, 4)) - whole).abs()).detach()
    error = float((spread[:, known] / scale[known]).max()) if bool(known.any()) else 0.0
    fg, ff, gg = (whole * grid.voxel_volume).to(f.dtype)
    return Overlaps(fg, ff, gg, error)


def quadrature_grid(f: Field, g: Field) -> Grid:
    """The grid of a volume among the fields; else one around the atoms or centres of both.

    Raises:
        ValueError: there are two volumes of different grids, or neither grids nor atoms.
    """
    grids = {field.grid for field in (f, g) if isinstance(field, Volume)}
    if len(grids) == 1:
        return grids.pop()
    places = [place for place in map(_places, (f, g)) if place is not None]
    if grids or len(places) < 2:
        what = "two volumes of different grids" if grids else "fields without known atoms"
        raise ValueError(f"grid: expected one to compare on, got {what}; give for example Grid.around(data.pos, 0.25)")
    return Grid.around(torch.cat([place.detach().cpu().double() for place in places]), SPACING, MARGIN)


def _places(field: Field) -> Tensor | None:
    if isinstance(field, RBFField):
        return field.centers
    return None if field.atoms is None else field.atoms.pos
