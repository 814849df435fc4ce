"""Unions, maxima, distances and displacements of 16 bits, of molecules and crystals, at points and on grids."""

import pytest
import torch

from tg_molfield import Grid, RBFField
from tg_molfield.fields import DisplacementField, DistanceField, MaximumField, UnionField

pytestmark = pytest.mark.filterwarnings("ignore::tg_molfield.fields.CoarseCoordinatesWarning")

CELL = torch.tensor([[12.0, 0, 0], [3, 11, 0], [-2, 1, 13]])
KINDS = {
    "sum": lambda field: field,
    "union": UnionField,
    "maximum": MaximumField,
    "distance": DistanceField,
    "smooth": lambda field: DistanceField(field, 0.3),
    "displacement": DisplacementField,
}


def drawn(rows, seed):
    return torch.rand(rows, 3, generator=torch.Generator().manual_seed(seed)) @ CELL


@pytest.mark.parametrize("is_periodic", [False, True])
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_are_as_in_double_precision(dtype, name, is_periodic):
    weights = torch.rand(30, 2, generator=torch.Generator().manual_seed(2))
    cell = CELL.to(dtype) if is_periodic else None
    base = RBFField(drawn(30, 0).to(dtype), weights.to(dtype), 0.75, cell=cell)
    few, many = KINDS[name](base), KINDS[name](base.to(torch.float64))
    pos = (drawn(100, 1) + 20 * is_periodic).to(dtype)
    grid = Grid.from_cell(CELL, (6, 5, 7))
    for found, true in (
        (few(pos), many(pos.double())),
        (few.gradient(pos), many.gradient(pos.double())),
        (few.on(grid).values, many.on(grid).values),
    ):
        assert found.dtype == dtype
        assert float((found.double() - true).abs().max()) < 2 * torch.finfo(dtype).eps * float(true.abs().max())
