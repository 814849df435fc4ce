"""Fields follow tensors that are changed after a call, although they keep what they computed from them."""

import copy
import pickle

import pytest
import torch

from tg_molfield import Grid, RBFField, Volume

CELL = 5 * torch.eye(3, dtype=torch.float64)


def drawn(rows):
    return 5 * torch.rand(rows, 3, generator=torch.Generator().manual_seed(rows), dtype=torch.float64)


def crystal(centers, widths):
    return RBFField(centers, torch.ones(len(centers), 1, dtype=torch.float64), widths, cell=CELL.clone())


@pytest.mark.parametrize("changed", ["centers", "widths", "cell"])
def test_of_a_crystal(changed):
    field, points = crystal(drawn(4), torch.full((4,), 0.6, dtype=torch.float64)), drawn(7)
    before = field(points)
    getattr(field, changed).mul_(1.1)
    fresh = RBFField(field.centers, field.weights, field.widths, cell=field.cell)
    for same in (field, copy.copy(field), pickle.loads(pickle.dumps(field))):
        torch.testing.assert_close(same(points), fresh(points))
        torch.testing.assert_close(same.gradient(points), fresh.gradient(points))
    assert not torch.allclose(field(points), before)


def test_another_tensor_in_place_of_one():
    field, points = crystal(drawn(4), 0.6), drawn(7)
    field(points)
    field.centers = field.centers + 1
    torch.testing.assert_close(field(points), crystal(field.centers, 0.6)(points))


def test_centers_that_are_differentiated_from_the_second_call_on():
    centers, points = drawn(4), drawn(7)
    field = crystal(centers, 0.6)
    field(points)
    centers.requires_grad_()
    (slope,) = torch.autograd.grad(field(points).sum(), centers)
    (true,) = torch.autograd.grad(crystal(centers, 0.6)(points).sum(), centers)
    torch.testing.assert_close(slope, true)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_of_a_volume(interpolation):
    values = torch.rand(1, 6, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    grid = Grid.cube((2.5, 2.5, 2.5), 5.0, 6)
    volume, points = Volume(values, grid, interpolation=interpolation), drawn(7)
    volume(points)
    values += 1
    torch.testing.assert_close(volume(points), Volume(values, grid, interpolation=interpolation)(points))
