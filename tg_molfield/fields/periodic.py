"""Periodic cells: points folded into the cell, and periodic images of centres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tg_molfield.chem.cells import as_cells, as_pbc, complete_cells, inverse_cell, is_periodic
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.interpolation import Periodic
from tg_molfield.fields.kernels import Kernel
from tg_molfield.precision import full_precision

IMAGE_TOLERANCE = 1e-9
"""The value of a kernel at which periodic images are cut off."""

_MAX_IMAGES = 20_000_000
_WHOLE = 1e-5
"""Periods: how far from a whole number of them a grid may be, as cells are single precision."""


def periodic_cells(cell: Any, pbc: Any, num_graphs: int, like: Tensor) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """The complete cells [B, 3, 3] and periodic directions [B, 3] of a batch; None where nothing is periodic.

    Args:
        cell: in Å, rows are vectors, as `as_cells` takes them; None where there is none.
        pbc: as `as_pbc` takes them; all directions of a cell if None.
        num_graphs: B.
        like: a tensor of the type and on the device of the results.

    Raises:
        ValueError: the shapes do not fit, a number is not finite, or the periodic vectors are not independent.
    """
    if cell is None:
        if is_periodic(pbc):
            raise ValueError("cell: expected one for the periodic directions of pbc, got None; give cell too")
        return None, None
    cell = as_cells(cell, num_graphs).to(like)
    pbc = cell.new_ones(num_graphs, 3, dtype=torch.bool) if pbc is None else as_pbc(pbc, num_graphs).to(like.device)
    if not pbc.any():
        return None, None
    return complete_cells(cell, pbc), pbc


def periodic_reach(kernel: Kernel) -> float:
    """The distance, in widths, beyond which periodic images are dropped.

    Raises:
        ValueError: the kernel decays so slowly that the periodic sum diverges.
    """
    reach = kernel.reach(IMAGE_TOLERANCE)
    if math.isinf(reach):
        raise ValueError(
            f"kernel: expected one whose periodic sum converges, got {kernel.name!r}; choose one that decays faster"
        )
    return reach


def repeating_axes(grid: Grid, cell: Tensor, pbc: Tensor) -> Periodic:
    """The axes along which ``grid`` spans whole periods, so that values at its nodes repeat after the last one.

    Args:
        grid: the nodes.
        cell: a complete cell [3, 3] in Å, rows are vectors.
        pbc: which directions repeat [3], bool.
    """
    counts = grid.cell @ torch.linalg.inv(cell.detach().cpu().double())
    whole = counts.round() * pbc.cpu()
    x, y, z = (((counts - whole).abs().amax(1) < _WHOLE) & whole.any(1)).tolist()
    return (x, y, z)


def fold(pos: Tensor, cell: Tensor, pbc: Tensor) -> Tensor:
    """The points [Q, 3] folded into the cell along its periodic directions."""
    steps = torch.where(pbc, torch.floor(pos.detach() @ inverse_cell(cell)), 0)
    return pos - steps @ cell


@full_precision
def fold_batch(pos: Tensor, batch: Tensor, cells: Tensor, pbcs: Tensor) -> Tensor:
    """The points [Q, 3] of graphs [Q], folded into the cells [B, 3, 3] of periodic ones."""
    steps = torch.where(pbcs[batch], torch.floor(turned(pos.detach(), inverse_cell(cells), batch)), 0)
    return pos - turned(steps, cells, batch)


def images(centers: Tensor, cell: Tensor, pbc: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """The periodic images of the centres that reach into the cell.

    Args:
        centers: [N, 3] in Å.
        cell: a complete cell [3, 3] in Å, rows are vectors.
        pbc: which directions repeat [3], bool.
        reach: of a centre, in Å.

    Returns:
        Positions [M, 3] of the images and the index [M] of their centres.

    Raises:
        ValueError: the reach spans so many cells that the images would not fit in memory.
    """
    batch = torch.zeros(len(centers), dtype=torch.long, device=centers.device)
    return images_in_reach(centers, batch, cell[None], pbc[None], centers.new_full((1,), reach))


def images_of_batch(
    centers: Tensor,
    widths: Tensor,
    batch: Tensor,
    cells: Tensor,
    pbcs: Tensor,
    reach: float,
    grids: Sequence[Grid] | None = None,
) -> tuple[Tensor, Tensor]:
    """`images` of every graph of a batch.

    Args:
        centers: [N, 3] in Å.
        widths: σ [N] or [N, C] in Å.
        batch: graph of each centre [N], sorted.
        cells: complete cells [B, 3, 3] in Å.
        pbcs: which of their directions repeat [B, 3], bool.
        reach: of a centre, in widths.
        grids: B grids that the images must reach, in place of the cells.

    Returns:
        As for `images`, sorted by graph.
    """
    widest = widths.detach().flatten(1).amax(1) if widths.ndim == 2 and widths.numel() else widths.detach().flatten()
    far = reach * widest.new_zeros(len(cells)).scatter_reduce(0, batch[: len(widest)], widest, "amax")
    if grids is None:
        return images_in_reach(centers, batch, cells, pbcs, far)
    shift, beyond = _to_middles(grids, cells, pbcs)
    copies, source = images_in_reach(centers - shift[batch], batch, cells, pbcs, far + beyond)
    return copies + shift[batch[source]], source


@full_precision
def _to_middles(grids: Sequence[Grid], cells: Tensor, pbcs: Tensor) -> tuple[Tensor, Tensor]:
    """What moves each cell into the middle of its grid [B, 3], and how far the grid extends beyond it [B], in Å."""
    edges = torch.stack([grid.cell - grid.axes_tensor() for grid in grids]).to(cells)
    origins = torch.stack([grid.origin_tensor() for grid in grids]).to(cells)
    shift = (origins + edges.sum(1) / 2 - cells.detach().sum(1) / 2) * pbcs.any(1, keepdim=True)
    inverse = inverse_cell(cells)
    beyond = ((edges @ inverse).abs().sum(1) - 1).clamp_min(0) / 2 / inverse.norm(dim=1)
    return shift, (beyond * pbcs).amax(1)


@full_precision
def images_in_reach(
    centers: Tensor, batch: Tensor, cells: Tensor, pbcs: Tensor, reach: Tensor
) -> tuple[Tensor, Tensor]:
    """The images of centres [N, 3] of graphs [N] that come within ``reach`` [B] in Å of their cells."""
    inverse = inverse_cell(cells)
    inside, repeats = fold_batch(centers, batch, cells, pbcs), pbcs[batch]
    fractions = turned(inside.detach(), inverse, batch)
    margin = (reach.to(cells).unsqueeze(1) * inverse.norm(dim=1))[batch]
    first = torch.where(repeats, (-margin - fractions).floor() + 1, 0).nan_to_num()
    last = torch.where(repeats, (1 + margin - fractions).ceil() - 1, 0).nan_to_num()
    sides = (last - first + 1).clamp_min(0)
    number = sides.float().prod(1)
    for graph, count in enumerate(number.new_zeros(len(cells)).scatter_add(0, batch, number).tolist()):
        if count > _MAX_IMAGES:
            raise ValueError(
                "cell: expected one that is not far smaller than the reach of the kernel, "
                f"{float(reach[graph]):.3g} Å, got {cells[graph].tolist()}; use narrower widths or a larger cell"
            )
    sides = sides.long()
    source, place = _members(sides.prod(1))
    _, height, depth = sides[source].unbind(1)
    steps = torch.stack([place // (height * depth), place // depth % height, place % depth], 1)
    return inside[source] + turned(first[source] + steps, cells, batch[source]), source


def _members(sizes: Tensor) -> tuple[Tensor, Tensor]:
    """The set of each of the members of sets of ``sizes`` [S], and its number in that."""
    owner = torch.arange(len(sizes), device=sizes.device).repeat_interleave(sizes)
    return owner, torch.arange(len(owner), device=sizes.device) - (sizes.cumsum(0) - sizes)[owner]


def turned(rows: Tensor, matrices: Tensor, index: Tensor) -> Tensor:
    """Each of the rows [M, 3] times its matrix, of several [B, 3, 3] that of ``index`` [M]."""
    return rows @ matrices[0] if len(matrices) == 1 else (rows.unsqueeze(2) * matrices[index]).sum(1)
