"""Where fields are: the boxes that hold them, and a grid on which two of them can be summed."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tg_molfield.compare.periods import shared_cell
from tg_molfield.fields import Field, Grid, RBFField, Volume
from tg_molfield.fields.aggregates import AggregateField
from tg_molfield.fields.combination import LinearCombination
from tg_molfield.fields.selection import ChannelSelection

SPACING = 0.4
"""Of the nodes, in Å: exact to 5e-9 for products of Gaussians of σ 0.7 Å."""

MARGIN = 6.0
"""Around atoms, in Å, where the reach of a field is not known."""

_NEGLIGIBLE = 1e-5
Box = tuple[Tensor, Tensor]


def shared_grid(f: Field, g: Field) -> Grid | None:
    """The grid of a volume, or of two alike; else one over a period of periodic fields, or where both are.

    Returns:
        The grid; None if there is no place where both are.

    Raises:
        ValueError: nothing tells where either of them is, or they do not repeat alike in all directions.
    """
    grids = {field.grid for field in (f, g) if isinstance(field, Volume)}
    grids = grids if len(grids) == 1 else set()
    vectors = shared_cell(f, g)
    if vectors is not None:
        return grids.pop() if grids else Grid.from_cell(vectors, spacing=SPACING)
    boxes = [box for box in map(box_of, (f, g)) if box is not None]
    if not boxes:
        raise ValueError(
            "grid: expected one to sum on, got two fields of unknown extent; give for example "
            "Grid.around(data.pos, 0.4)"
        )
    low = torch.stack([box[0] for box in boxes]).amax(0)
    high = torch.stack([box[1] for box in boxes]).amin(0)
    if not bool((high > low).all()):
        return None
    return grids.pop() if grids else Grid.around(torch.stack([low, high]), SPACING, 0.0)


def box_of(field: Field) -> Box | None:
    """The lowest and highest coordinates [3] between which a field is more than negligible; None if not known."""
    if isinstance(field, ChannelSelection):
        return box_of(field.base)
    if isinstance(field, LinearCombination):
        return _union([box_of(term) for term in field.terms])
    if isinstance(field, AggregateField) and field.base.cell is not None:
        return None
    if isinstance(field, RBFField):
        reach = field.kernel.reach(_NEGLIGIBLE)
        if field.cell is not None or not math.isfinite(reach):
            return None
        widths = field.widths.detach()
        return _around(field.centers, reach * float(widths.max()) if len(widths) else 0.0)
    grid = getattr(field, "grid", None)
    if isinstance(grid, Grid):
        periodic = any(getattr(field, "periodic", ()))
        return None if periodic else _around(_corners(grid), 0.0 if isinstance(field, Volume) else MARGIN)
    return None if field.atoms is None else _around(field.atoms.pos, MARGIN)


def _union(boxes: list[Box | None]) -> Box | None:
    known = [box for box in boxes if box is not None]
    if len(known) < len(boxes):
        return None
    return torch.stack([low for low, _ in known]).amin(0), torch.stack([high for _, high in known]).amax(0)


def _around(pos: Tensor, margin: float) -> Box:
    pos = pos.detach().cpu().double()
    infinity = pos.new_full((1, 3), math.inf)
    return torch.cat([infinity, pos]).amin(0) - margin, torch.cat([-infinity, pos]).amax(0) + margin


def _corners(grid: Grid) -> Tensor:
    ends = torch.cartesian_prod(*[torch.tensor([0.0, n - 1.0], dtype=torch.float64) for n in grid.shape])
    return torch.tensor(grid.origin, dtype=torch.float64) + ends @ grid.axes_tensor()
