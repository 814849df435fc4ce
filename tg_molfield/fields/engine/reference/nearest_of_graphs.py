"""Minima over the spheres of many graphs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

from tg_molfield.fields.engine.reference.nearest_centers import reduce_over_nearest
from tg_molfield.fields.engine.reference.small_graphs import GraphValues, Members

Reduce = Callable[[Tensor, Tensor], Tensor]


def reduce_in_graphs(
    reduce: Reduce, centers: Tensor, radii: Tensor, pos: Tensor, members: Members, margin: float
) -> Tensor:
    """Reduce the signed distances |x − c_i| − R_i over the spheres of a point's graph.

    Args:
        reduce: see `reduce_over_nearest`; distances are padded with infinity, to a centre N.
        centers: [N, 3] in Å, of one graph after the other.
        radii: R [N] in Å.
        pos: [Q, 3] in Å, of one graph after the other.
        members: of the graphs.
        margin: see `reduce_over_nearest`.

    Returns:
        The values [Q]; those of an infinite distance where a graph has no centres.
    """
    around, points = pad(centers, (0, 0, 0, 1)), pad(pos, (0, 0, 0, 1))
    outer = pad(radii, (0, 1), value=-torch.inf)

    def reduced(index: Tensor, place: Tensor) -> Tensor:
        squares = (points[place][:, :, None] - around[index][:, None]).square().sum(-1)
        return reduce(squares.clamp_min(torch.finfo(pos.dtype).tiny).sqrt() - outer[index][:, None], index)

    nowhere = torch.full((1, 1), len(centers), device=pos.device)
    values = GraphValues(reduce(pos.new_full((1, 1, 1), torch.inf), nowhere)[0], len(pos), pos.device)
    values.add_small(reduced, members)
    for size, center, count, point in members.parts(small=False):
        some, here = slice(center, center + size), slice(point, point + count)
        found = reduce_over_nearest(_shifted(reduce, center), centers[some], radii[some], pos[here], margin)
        values.add(found, point)
    return values.all()


def _shifted(reduce: Reduce, first: int) -> Reduce:
    """``reduce`` for a part of the centres, which begins at ``first``."""
    return lambda distances, index: reduce(distances, index + first)
