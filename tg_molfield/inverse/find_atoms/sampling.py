"""Where a field is sampled to search it for atoms."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tg_molfield.fields import Field, Grid, RBFField, Volume

SPACING = 0.25
"""The distance of nodes in Å, where no grid is given."""

_MARGIN = 4.0


def sampled(field: Field, grid: Grid | None) -> Volume:
    """The samples of a field: a volume's own, those on ``grid``, or those around its atoms or over its periodic cell.

    A periodic field sampled over whole periods is a periodic volume.

    Raises:
        ValueError: a grid is needed.
    """
    if isinstance(field, Volume):
        return field if grid is None else field.resampled(grid)
    if grid is not None:
        return field.on(grid).interpolated("linear")
    places = field.centers if isinstance(field, RBFField) else field.atoms.pos if field.atoms else None
    if field.num_graphs != 1 or places is None or not len(places):
        raise ValueError("grid: expected the Grid to search, got None for a field of unknown place; give it")
    if isinstance(field, RBFField) and field.cell is not None and field.pbc is not None:
        return _over_cell(field, field.cell[0].cpu().double(), field.pbc[0].cpu())
    return field.on(Grid.around(places, spacing=SPACING))


def _over_cell(field: RBFField, cell: Tensor, pbc: Tensor) -> Volume:
    """Whole periods along the periodic directions, and the centres with a margin along the others."""
    along = field.centers.detach().cpu().double() @ torch.linalg.inv(cell)
    heights = 1 / torch.linalg.inv(cell).norm(dim=0)
    margin = _MARGIN / heights
    low = torch.where(pbc, 0.0, along.amin(0) - margin)
    high = torch.where(pbc, 1.0, along.amax(0) + margin)
    box = cell * (high - low)[:, None]
    counts = [max(2, math.ceil(length / SPACING)) for length in box.norm(dim=1).tolist()]
    grid = Grid.from_cell(box, counts, (low @ cell).tolist())
    return field.on(grid).interpolated("linear", pbc.tolist())
