"""Unions of Gaussians where a factor of their product vanishes: at the atoms, and near them."""

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import MolField

PLACES = [0.0, 1e-9, 1e-6, 1e-4, 1e-3, 1e-2, 0.3]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_of_one_atom_they_are_its_gaussian(dtype):
    data = Data(z=torch.tensor([6]), pos=torch.zeros(1, 3, dtype=dtype))
    union, single = (MolField("C", aggregate=rule)(data) for rule in ("union", "sum"))
    pos = torch.tensor(PLACES, dtype=dtype)[:, None] * torch.tensor([[0.6, 0.0, 0.8]], dtype=dtype)
    tolerance = 2e-3 if dtype == torch.float32 else 1e-6
    assert torch.allclose(union.laplacian(pos), single.laplacian(pos), rtol=tolerance, atol=0)
    assert torch.allclose(union.gradient(pos), single.gradient(pos), rtol=tolerance, atol=1e-12)


def test_their_laplacian_is_smooth_through_an_atom_among_others():
    data = Data(z=torch.tensor([6, 6, 6]), pos=torch.tensor([[0.0, 0, 0], [1.2, 0, 0], [0, 1.3, 0]]).double())
    field = MolField("C", aggregate="union")(data)
    around = torch.tensor([[0.0, 0, 0], [1e-3, 0, 0], [-1e-3, 0, 0], [0, 0, 1e-3], [0, 0, -1e-3]]).double()
    at, *near = field.laplacian(around)[:, 0].tolist()
    assert at == pytest.approx(sum(near) / 4, rel=1e-4)
    step = 1e-3
    moves = torch.cat([torch.zeros(1, 3), step * torch.eye(3), -step * torch.eye(3)]).double()
    values = field(moves)[:, 0]
    assert at == pytest.approx(float(values[1:].sum() - 6 * values[0]) / step**2, rel=1e-3)


@pytest.mark.parametrize("rule", ["sum", "union", "maximum"])
def test_hard_spheres_have_the_gradient_0(rule):
    data = Data(z=torch.tensor([6, 6]), pos=torch.tensor([[0.0, 0, 0], [1.2, 0, 0]]).double())
    field = MolField("C", kernel="hard_sphere", aggregate=rule)(data)
    pos = torch.randn(9, 3, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    field(pos).sum().backward()
    assert not pos.grad.any()
    (slope,) = torch.autograd.grad(field(pos).sum(), pos, create_graph=True)
    assert not slope.any()
