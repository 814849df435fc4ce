"""What the fields of the nearest atoms have in common."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tg_molfield.chem.cells import inverse_cell
from tg_molfield.fields.periodic import images
from tg_molfield.fields.rbf import RBFField
from tg_molfield.precision import full_precision, widened


@full_precision
def by_channel(column: Callable[[RBFField, int, Tensor], Tensor], base: RBFField, pos: Tensor, batch: Tensor) -> Tensor:
    """Evaluate a function of one graph, one channel and points [q, 3] for all graphs, channels and points.

    Args:
        column: the function; its results are [q, ...].
        base: a field of B graphs and C channels.
        pos: [Q, 3] in Å.
        batch: graph of each point [Q], sorted.

    Returns:
        [Q, C, ...]; where there are no channels or no graphs, [Q, 0].
    """
    counts, channels = torch.bincount(batch, minlength=base.num_graphs).tolist(), range(len(base.channels))
    if not counts or not channels:
        return pos.new_zeros(len(pos), 0)
    graphs = zip(base.unbatch(), widened(pos).split(counts), strict=True)
    found = [torch.stack([column(graph, c, points) for c in channels], 1) for graph, points in graphs]
    return torch.cat(found).to(pos)


def spheres_around(
    base: RBFField, channel: int, pos: Tensor, smoothness: float = 0.0
) -> tuple[Tensor, Tensor, Tensor, float]:
    """The spheres of a channel that can be the nearest to a point, including periodic images.

    Args:
        base: centres, and radii as widths, of one graph; those of weight 0 are no spheres of the channel.
        channel: its index.
        pos: [Q, 3] in Å, not of 16 bits.
        smoothness: k in Å, of the smooth minimum; 0 for the exact one.

    Returns:
        Centres [M, 3], radii [M], the points [Q, 3] inside the cell, in float32 at least, and how much farther (Å) than
        the nearest sphere one can be and still contribute.
    """
    mine = base.weights[:, channel] != 0
    centers = widened(base.centers[mine])
    radii = widened(base.widths[mine] if base.widths.ndim == 1 else base.widths[mine, channel])
    if base.cell is not None and base.pbc is not None and len(radii):
        cell, pbc = widened(base.cell[0]), base.pbc[0]
        pos = base.folded(pos, torch.zeros(len(pos), dtype=torch.long, device=pos.device))
        reach = float(cell[pbc].detach().norm(dim=1).sum())
        if smoothness:
            height = _height(torch.cat([pos, centers]).detach(), cell.detach(), pbc)
            beyond = float((radii.max() - radii.min()).detach()) + _margin(smoothness, radii)
            reach = math.sqrt((math.hypot(height, reach) + beyond) ** 2 - height**2)
        centers, source = images(centers, cell, pbc, reach)
        radii = radii[source]
    return centers, radii, pos, _margin(smoothness, radii)


def _margin(smoothness: float, radii: Tensor) -> float:
    return smoothness * math.log(max(1, len(radii)) / torch.finfo(radii.dtype).eps)


def _height(pos: Tensor, cell: Tensor, pbc: Tensor) -> float:
    """The largest distance in Å between points [M, 3], perpendicular to the periodic directions."""
    if bool(pbc.all()):
        return 0.0
    across = (pos @ inverse_cell(cell))[:, ~pbc]
    return float((across.amax(0) - across.amin(0)).norm())
