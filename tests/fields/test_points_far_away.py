"""Points far from the atoms, infinite or NaN, beside others."""

import math

import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield.fields import MolField

DEFINITIONS = {
    "sum": MolField("C O"),
    "compact": MolField("C O", kernel="wendland_c2"),
    "union": MolField("C O", aggregate="union"),
    "maximum": MolField("C O", aggregate="maximum"),
    "distance": MolField("C O", aggregate="distance"),
    "smooth": MolField("C O", aggregate="distance", smoothness=0.3),
    "displacement": MolField("C O", aggregate="displacement"),
}
SIZES = {"few": (20, 50), "many": (1500, 10_000)}
"""Of atoms and points: the ways of evaluating differ."""


def problem(size, dtype=torch.float32):
    atoms, points = SIZES[size]
    generator = torch.Generator().manual_seed(0)
    z = torch.tensor([6, 8]).repeat(atoms // 2)
    pos = 30 * torch.rand(atoms, 3, generator=generator)
    return Data(z=z, pos=pos.to(dtype)), 30 * torch.rand(points, 3, generator=generator).to(dtype)


@pytest.mark.parametrize("far", [1e4, 1e8, 1e15, math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", DEFINITIONS)
def test_other_points_keep_their_values(name, size, far):
    data, points = problem(size)
    field = DEFINITIONS[name](data)
    beside = torch.cat([points[:9], torch.tensor([[1.0, far, 2.0]]), points[9:]])
    for function in (field, field.gradient):
        found = function(beside)
        torch.testing.assert_close(torch.cat([found[:9], found[10:]]), function(points), rtol=1e-5, atol=2e-5)
    if math.isnan(far):
        assert field(beside)[9].isnan().any()


@pytest.mark.parametrize("name", ["sum", "union", "maximum"])
def test_fields_of_atoms_end(name):
    data, points = problem("many")
    far = torch.tensor([[1e8, 0.0, 0.0]])
    assert DEFINITIONS[name](data)(torch.cat([points, far]))[-1].tolist() == [0.0, 0.0]


def test_only_far_points():
    data, points = problem("many")
    assert not DEFINITIONS["sum"](data)(points + 1e6).any()


def test_molecules_of_a_batch_have_far_points_of_their_own():
    data, points = problem("many")
    moved = Data(z=data.z, pos=data.pos + 500)
    field = DEFINITIONS["sum"](Batch.from_data_list([data, moved]))
    both = torch.cat([points, points + 500])
    own = torch.arange(2).repeat_interleave(len(points))
    values = field(both, own)
    torch.testing.assert_close(values[: len(points)], DEFINITIONS["sum"](data)(points), rtol=1e-4, atol=1e-4)
    swapped = field(both.flip(0), own)
    assert not swapped.any()


def test_second_derivatives_beside_a_far_point():
    data, points = problem("many", torch.float64)
    field = DEFINITIONS["sum"](data)
    beside = torch.cat([points, torch.tensor([[1e8, 0.0, 0.0]], dtype=torch.float64)])
    torch.testing.assert_close(field.laplacian(beside)[:-1], field.laplacian(points))
    leaf = beside.requires_grad_()
    (slope,) = torch.autograd.grad(field.gradient(leaf).square().sum(), leaf)
    assert slope.isfinite().all()
    assert slope[:-1].any()
    assert not slope[-1].any()
