"""The atoms of each channel as spheres, of which a point may be near or inside of one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tg_molfield.chem.cells import inverse_cell
from tg_molfield.devices import in_widest_type
from tg_molfield.fields.channel_graphs import ChannelGraphs
from tg_molfield.fields.engine import Members, reduce_in_graphs
from tg_molfield.fields.periodic import images_in_reach, turned
from tg_molfield.fields.rbf import RBFField
from tg_molfield.precision import full_precision, widened


@dataclass(frozen=True)
class Spheres:
    """The spheres of B molecules in C channels that can be the nearest to Q points, and the points.

    Attributes:
        graphs: the molecules' channels as graphs.
        centers: [M, 3] in Å, with periodic images, of one graph after the other.
        radii: [M] in Å.
        pos: [Q·C, 3] in Å, in their cells, of one graph after the other.
        members: how many spheres and points each graph has.
        margin: how much farther (Å) than the nearest sphere one can be and still contribute.
    """

    graphs: ChannelGraphs
    centers: Tensor
    radii: Tensor
    pos: Tensor
    members: Members
    margin: float

    @classmethod
    @full_precision
    def of(cls, base: RBFField, pos: Tensor, batch: Tensor, smoothness: float = 0.0) -> Spheres:
        """The spheres around points.

        Args:
            base: centres, and radii as widths; those of weight 0 are no spheres of a channel.
            pos: [Q, 3] in Å.
            batch: molecule of each point [Q], sorted.
            smoothness: k in Å, of the smooth minimum; 0 for the exact one.
        """
        graphs = ChannelGraphs.of(base.weights, base.batch, batch, base.num_graphs)
        centers, radii = widened(base.centers)[graphs.source], graphs.widths(widened(base.widths))
        pos, owner = base.folded(widened(pos), batch)[graphs.point], graphs.owner
        members = graphs.members(owner)
        margin = smoothness * math.log(max([1, *members.sizes]) / torch.finfo(pos.dtype).eps)
        if base.cell is not None and base.pbc is not None and len(centers):
            cells, pbcs = (one.repeat_interleave(len(base.channels), 0) for one in (widened(base.cell), base.pbc))
            reach = (in_widest_type(cells.detach()).norm(dim=2) * pbcs).sum(1)
            if smoothness:
                height = _heights(torch.cat([pos, centers]), torch.cat([graphs.batch, owner]), cells, pbcs)
                beyond = (radii.max() - radii.min()).detach() + margin
                reach = ((torch.hypot(height, reach) + beyond).square() - height.square()).sqrt()
            centers, source = images_in_reach(centers, owner, cells, pbcs, reach)
            radii = radii[source]
            members = graphs.members(owner[source])
        return cls(graphs, centers, radii, pos, members, margin)

    def as_points(self) -> Spheres:
        """The same without radii, so that distances are those from the centres."""
        return replace(self, radii=torch.zeros_like(self.radii))

    def by_channel(self, values: Tensor) -> Tensor:
        """Values [Q·C, …] of the points in their graphs as [Q, C, …]."""
        return values[self.graphs.place]

    @full_precision
    def reduce(self, function: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Reduce the signed distances |x − c_i| − R_i of each point, see `reduce_in_graphs`: [Q·C]."""
        return reduce_in_graphs(function, self.centers, self.radii, self.pos, self.members, self.margin)


def _heights(pos: Tensor, owner: Tensor, cells: Tensor, pbcs: Tensor) -> Tensor:
    """The largest distances [B] in Å between points [M, 3] of a graph, perpendicular to the periodic directions."""
    cells = in_widest_type(cells.detach())
    if bool(pbcs.all()):
        return cells.new_zeros(len(cells))
    across = turned(pos.detach().to(cells), inverse_cell(cells), owner)
    across = torch.where(pbcs[owner] | ~across.isfinite(), 0, across)
    rows, unset = owner[:, None].expand(-1, 3), across.new_full((len(cells), 3), math.inf)
    low, high = unset.scatter_reduce(0, rows, across, "amin"), (-unset).scatter_reduce(0, rows, across, "amax")
    return (high - low).clamp_min(0).norm(dim=1)
