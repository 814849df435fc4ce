"""Fields of crystals that are no sums of Gaussians are compared over a period."""

import warnings

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import Grid, MolField
from tg_molfield.compare import similarity

CELL = torch.tensor([[6.0, 0, 0], [1, 5, 0], [-2, 1, 7]])


def crystal(seed, aggregate, pbc=(True, True, True)):
    pos = torch.rand(4, 3, generator=torch.Generator().manual_seed(seed)) @ CELL
    data = Data(z=torch.tensor([6, 6, 8, 8]), pos=pos, cell=CELL, pbc=torch.tensor(pbc))
    return MolField("C O", aggregate=aggregate)(data)


@pytest.mark.parametrize("aggregate", ["union", "maximum"])
@pytest.mark.parametrize("make", [lambda field: field, lambda field: (field - 0.5 * field)["O"]])
def test_without_a_grid(aggregate, make):
    f, g = (make(crystal(seed, aggregate)) for seed in (0, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = similarity(f, g)
    values, others = (field.on(Grid.from_cell(CELL, (40, 40, 40))).values for field in (f, g))
    products = [(one * other).sum() for one, other in ((values, others), (values, values), (others, others))]
    true = float(products[0] / (products[1] + products[2] - products[0]))
    assert float(found.total) == pytest.approx(true, abs=1e-3)
    moved = make(crystal(0, aggregate))
    assert float(similarity(f, moved).total) == pytest.approx(1, abs=1e-6)


def test_periods_that_differ_are_told():
    with pytest.raises(ValueError, match="fields that do not repeat alike"):
        similarity(crystal(0, "union"), crystal(1, "union", (True, True, False)))
