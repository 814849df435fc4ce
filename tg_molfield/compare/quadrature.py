"""Overlaps of any two fields as sums over a grid, with an estimate of their error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.compare.periods import shared_cell
from tg_molfield.devices import in_double, sent_to, widest_type
from tg_molfield.fields import Field, Grid, RBFField, Volume

SPACING, MARGIN = 0.25, 5.0
"""Of the grid over a period or around the atoms, in Å, where none is given."""


class Overlaps(NamedTuple):
    """What two functions share, by channel.

    Attributes:
        fg: ∫ f g d³r [C], in the widest type of the fields' device.
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

    Raises:
        ValueError: no grid is given, and the fields have neither grids nor atoms.
    """
    grid = quadrature_grid(f, g) if grid is None else grid
    first, second = f.on(grid), g.on(grid)
    values, others = in_double(first.values).flatten(1), in_double(second.values).flatten(1)
    products = torch.stack([values * others, values.square(), others.square()])
    periodic = [mine and theirs for mine, theirs in zip(first.periodic, second.periodic, strict=True)]
    weights = node_weights(grid, periodic, values.device, are_samples_on(grid, f, g))
    whole, spread = with_error(products @ weights)
    for own, other, field, place in ((values, others, f, 1), (others, values, g, 2)):
        doubt = interpolation_doubt(field, grid)
        if doubt is not None:
            cross, square = ((doubt * one).sum(1).detach().abs() * grid.voxel_volume for one in (other, 2 * own))
            spread[0] += cross
            spread[place] += square
    scale = (whole[1] * whole[2]).detach().sqrt()
    known = scale > 0
    error = float((spread[:, known] / scale[known]).max()) if bool(known.any()) else 0.0
    fg, ff, gg = sent_to(whole, f.device, widest_type(f.device))
    return Overlaps(fg, ff, gg, error)


def interpolation_doubt(field: Field, grid: Grid) -> Tensor | None:
    """How differently a volume can be interpolated at the Q nodes of another grid [C, Q], in double precision.

    The difference of the linear and the cubic interpolation; None for a volume on its own grid, and for other fields.
    """
    if not isinstance(field, Volume) or field.grid == grid:
        return None
    with torch.no_grad():
        linear, cubic = (field.interpolated(kind).on(grid).values for kind in ("linear", "cubic"))
    return in_double(linear - cubic).flatten(1)


def node_weights(grid: Grid, periodic: Sequence[bool], device: torch.device, are_samples: bool) -> Tensor:
    """The weights of the nodes in three rules [Q, 3]: all nodes; every second along each axis; without the outermost.

    Periodic axes have no outermost nodes. Where they have an odd number of nodes, the second rule differs from the
    first by the shortest wave that the nodes hold, as it does where their number is even.

    Args:
        grid: the nodes.
        periodic: along which axes both fields repeat.
        device: of the result.
        are_samples: whether both fields are volumes on this grid, so that single nodes along an axis are all there is.
    """
    weights = torch.ones(3, *grid.shape, dtype=torch.float64, device=device)
    for axis, (repeats, nodes) in enumerate(zip(periodic, grid.shape, strict=True)):
        index = torch.arange(nodes, device=device)
        shape = [nodes if other == axis else 1 for other in range(3)]
        if repeats and nodes % 2:
            coarse = 1 + torch.cos(2 * math.pi / nodes * (nodes // 2) * index.double())
        else:
            coarse = 2.0 * (index % 2 == 0)
        if nodes > 1 or not are_samples:
            weights[1] *= coarse.view(shape)
        if nodes > 2 and not repeats:
            weights[2] *= ((index > 0) & (index < nodes - 1)).view(shape)
    return weights.flatten(1).T * grid.voxel_volume


def are_samples_on(grid: Grid, *fields: Field) -> bool:
    """Whether all of the fields are volumes on this grid."""
    return all(isinstance(field, Volume) and field.grid == grid for field in fields)


def with_error(sums: Tensor) -> tuple[Tensor, Tensor]:
    """Integrals and estimates of their errors [...] from sums by the three `node_weights` [..., 3].

    The error is what changes when every second node is left out, and what the outermost nodes add, where the fields
    should have vanished.
    """
    whole, coarse, inner = sums.unbind(-1)
    return whole, ((whole - coarse).abs() + (whole - inner).abs()).detach()


def quadrature_grid(f: Field, g: Field) -> Grid:
    """The grid of a volume among the fields; else one over a period of both, or around the atoms or centres of both.

    Raises:
        ValueError: there are two volumes of different grids, neither grids nor atoms, or periods that differ.
    """
    grids = {field.grid for field in (f, g) if isinstance(field, Volume)}
    if len(grids) == 1:
        return grids.pop()
    vectors = None if grids else shared_cell(f, g)
    if vectors is not None:
        return Grid.from_cell(vectors, spacing=SPACING)
    places = [place for place in map(_places, (f, g)) if place is not None]
    if grids or len(places) < 2:
        what = "two volumes of different grids" if grids else "fields without known atoms"
        raise ValueError(f"grid: expected one to compare on, got {what}; give for example Grid.around(data.pos, 0.25)")
    return Grid.around(torch.cat([place.detach().cpu().double() for place in places]), SPACING, MARGIN)


def _places(field: Field) -> Tensor | None:
    if isinstance(field, RBFField):
        return field.centers
    return None if field.atoms is None else field.atoms.pos
