"""Periodic cells: points folded into the cell, and periodic images of centres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tg_molfield.chem.cells import as_cells, as_pbc, complete_cell, inverse_cell, is_periodic
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
    return torch.stack([complete_cell(one, where) for one, where in zip(cell, pbc, strict=True)]), pbc


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
    x, y, z = ((counts - whole).abs().amax(1) < _WHOLE).tolist()
    return (x, y, z)


def fold(pos: Tensor, cell: Tensor, pbc: Tensor) -> Tensor:
    """The points [Q, 3] folded into the cell along its periodic directions."""
    steps = torch.where(pbc, torch.floor(pos.detach() @ inverse_cell(cell)), 0)
    return pos - steps @ cell


@full_precision
def fold_batch(pos: Tensor, batch: Tensor, cells: Tensor, pbcs: Tensor) -> Tensor:
    """The points [Q, 3] of graphs [Q], folded into the cells [B, 3, 3] of periodic ones."""
    parts = pos.split(torch.bincount(batch, minlength=len(cells)).tolist())
    return torch.cat([fold(part, cell, pbc) for part, cell, pbc in zip(parts, cells, pbcs, strict=True)])


@full_precision
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
    if not pbc.any():
        return centers, torch.arange(len(centers), device=centers.device)
    inverse = inverse_cell(cell)
    spans = (reach * inverse.norm(dim=0)).tolist()
    counts = [math.ceil(span) if bool(pbc[axis]) else 0 for axis, span in enumerate(spans)]
    if len(centers) * math.prod(2 * count + 1 for count in counts) > _MAX_IMAGES:
        raise ValueError(
            f"cell: expected one that is not far smaller than the reach of the kernel, {reach:.3g} Å, got "
            f"{cell.tolist()}; use narrower widths or a larger cell"
        )
    shifts = torch.cartesian_prod(
        *(torch.arange(-count, count + 1, dtype=cell.dtype, device=cell.device) for count in counts)
    )
    inside = fold(centers, cell, pbc)
    fractions = (inside.detach() @ inverse)[None] + shifts[:, None]
    margin = fractions.new_tensor(spans)
    near = (((fractions > -margin) & (fractions < 1 + margin)) | ~pbc).all(-1)
    shift, source = near.nonzero(as_tuple=True)
    return inside[source] + shifts[shift] @ cell, source


@full_precision
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
    positions, sources, start = [], [], 0
    counts = torch.bincount(batch, minlength=len(cells)).tolist()
    for graph, (some, sigma) in enumerate(zip(centers.split(counts), widths.split(counts), strict=True)):
        cell, pbc, far = cells[graph], pbcs[graph], reach * float(sigma.detach().max()) if sigma.numel() else 0.0
        grid = None if grids is None else grids[graph]
        copies, source = images(some, cell, pbc, far) if grid is None else images_around(some, cell, pbc, far, grid)
        positions.append(copies)
        sources.append(source + start)
        start += len(some)
    return torch.cat(positions), torch.cat(sources)


def images_around(centers: Tensor, cell: Tensor, pbc: Tensor, reach: float, grid: Grid) -> tuple[Tensor, Tensor]:
    """`images` that reach a grid: those around a cell in its middle, as far as the grid extends."""
    inverse = inverse_cell(cell)
    edges = (grid.cell - grid.axes_tensor()).to(cell)
    shift = (grid.origin_tensor().to(cell) + edges.sum(0) / 2 - cell.detach().sum(0) / 2) * pbc.any()
    beyond = ((edges @ inverse).abs().sum(0) - 1).clamp_min(0) / 2 / inverse.norm(dim=0)
    copies, source = images(centers - shift, cell, pbc, reach + float((beyond * pbc).max()))
    return copies + shift, source
