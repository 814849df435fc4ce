"""The periods of fields, and those that two fields have in common."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.fields import Field, RBFField, Volume
from tg_molfield.fields.aggregates import AggregateField
from tg_molfield.fields.combination import LinearCombination
from tg_molfield.fields.selection import ChannelSelection

_SAME = 1e-4
"""Å; vectors of cells that differ by less are equal."""


def shared_cell(f: Field, g: Field) -> Tensor | None:
    """The cell [3, 3] in Å in which all periodic terms of both fields repeat; None where one of them has none.

    Raises:
        ValueError: both are periodic, but not alike in all directions.
    """
    mine, theirs = _cells_of(f), _cells_of(g)
    if not mine or not theirs:
        return None
    vectors, _ = mine[0]
    if not all(bool(pbc.all()) and torch.allclose(vectors, one, atol=_SAME) for one, pbc in mine + theirs):
        raise ValueError(
            "grid: expected one to sum on, got fields that do not repeat alike in all directions; give one over a "
            "period, such as Grid.of(data, 0.4)"
        )
    return vectors


def _cells_of(field: Field) -> list[tuple[Tensor, Tensor]]:
    """The cells [3, 3] in Å of the terms of a field that are periodic, and in which directions [3] each is."""
    if isinstance(field, LinearCombination):
        return [cell for term in field.terms for cell in _cells_of(term)]
    if isinstance(field, ChannelSelection | AggregateField):
        return _cells_of(field.base)
    if isinstance(field, RBFField) and field.cell is not None and field.pbc is not None:
        return [(field.cell[0].detach().cpu().double(), field.pbc[0].cpu())]
    if isinstance(field, Volume) and any(field.periodic):
        return [(field.grid.cell.double(), torch.tensor(field.periodic))]
    return []
