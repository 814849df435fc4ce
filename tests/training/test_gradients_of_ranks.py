"""Means over ranks keep the precision of a model; two ranks that agree are played by one."""

import pytest
import torch
from torch import distributed, nn
from torch_geometric.data import Data

from tg_molfield.training.drawn import DrawnMolecules
from tg_molfield.training.order import Share
from tg_molfield.training.ranks import Ranks


@pytest.mark.parametrize(
    ("dtype", "kept"), [(torch.float64, torch.float64), (torch.float32, torch.float32), (torch.bfloat16, torch.float32)]
)
def test_their_type_is_that_of_the_parameters_or_finer(dtype, kept, monkeypatch, seeded):
    sent = []

    def reduced(values, operation=None):
        sent.append(values.dtype)
        values.mul_(2)

    monkeypatch.setattr(distributed, "all_reduce", reduced)
    model = nn.Linear(5, 3).to(dtype)
    value = model(torch.randn(4, 5, dtype=dtype)).square().mean()
    value.backward()
    own = [parameter.grad.clone() for parameter in model.parameters()]
    loss = Ranks(0, 2).average_gradients(model, value)
    assert sent == [kept]
    assert float(loss) == float(value.detach())
    assert all(torch.equal(parameter.grad, grad) for parameter, grad in zip(model.parameters(), own, strict=True))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_weights_of_uneven_shares_are_as_fine_as_positions(dtype):
    data = [Data(z=torch.tensor([6]), pos=torch.zeros(1, 3, dtype=dtype)) for _ in range(3)]
    weight = DrawnMolecules(data)[Share(0, 0, torch.arange(2), 4 / 3)].rank_weight
    expected = torch.float64 if dtype == torch.float64 else torch.float32
    assert torch.equal(weight, torch.tensor([4 / 3], dtype=expected))
