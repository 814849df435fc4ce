"""The invariants of fields made of fields, of one's own function, and of samples."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from invariant_fields import cloud, points

from tg_molfield import Field, Grid, Volume
from tg_molfield.fields import FunctionKernel


def smooth_volume() -> Volume:
    return cloud("gaussian").on(Grid.cube((0, 0, 0), 16.0, 24)).interpolated("cubic")


FIELDS: dict[str, Callable[[], Field]] = {
    "difference": lambda: cloud("gaussian") - cloud("slater", seed=1),
    "multiple": lambda: 2.5 * cloud("gaussian"),
    "function": lambda: cloud(FunctionKernel(lambda u: torch.exp(-(u**4)), 3.0)),
    "selection": lambda: cloud("wendland_c4")["c", "a"],
    "selection of a difference": lambda: (cloud("gaussian") - 2 * cloud("coulomb"))["c", "a"],
    "volume-linear": lambda: smooth_volume().interpolated("linear"),
    "volume-cubic": smooth_volume,
}
FIELD = pytest.mark.parametrize("name", FIELDS)


@FIELD
def test_far_away_nothing_is_left(name):
    field = FIELDS[name]()
    far = 1e7 * torch.nn.functional.normalize(points(), dim=1)
    assert field(far).abs().max() <= 1e-5 * field(points()).abs().max()


@FIELD
def test_grid_and_points_agree(name):
    field = FIELDS[name]()
    axes = ((0.4, 0.1, 0.0), (-0.2, 0.5, 0.1), (0.0, 0.3, 0.6))
    for grid in (Grid.cube((0.3, -0.2, 0.1), 7.0, 9), Grid((-2.0, -2.0, -3.0), axes, (7, 8, 9))):
        volume = field.on(grid)
        direct = field(grid.points(torch.float64)).T.reshape(-1, *grid.shape)
        assert torch.allclose(volume.values, direct, rtol=0, atol=3e-6 * float(direct.abs().max()))


@FIELD
def test_gradient_is_autograd_is_finite_difference(name):
    field = FIELDS[name]()
    x = points(25)
    gradient = field.gradient(x)
    assert torch.allclose(gradient, Field.gradient(field, x), rtol=0, atol=1e-9)
    h = 1e-5
    steps = h * torch.eye(3, dtype=torch.float64)
    slope = torch.stack([(field(x + step) - field(x - step)) / (2 * h) for step in steps], -1)
    assert torch.allclose(gradient, slope, rtol=0, atol=1e-6 * float(gradient.abs().max()))


@pytest.mark.parametrize("name", [name for name in FIELDS if name != "volume-linear"])
def test_laplacian_is_autograd_is_finite_difference(name):
    field = FIELDS[name]()
    x = points(12)
    laplacian = field.laplacian(x)
    scale = float(laplacian.abs().max())
    assert torch.allclose(laplacian, Field.laplacian(field, x), rtol=0, atol=1e-8 * scale)
    h = 1e-3
    steps = torch.cat([torch.eye(3), -torch.eye(3)]).double() * h
    curve = sum(field(x + step) for step in steps) - 6 * field(x)
    assert torch.allclose(laplacian, curve / h**2, rtol=0, atol=1e-3 * scale)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_volume_is_exact_at_its_nodes(interpolation):
    axes = ((0.4, 0.1, 0.0), (-0.2, 0.5, 0.1), (0.0, 0.3, -0.6))
    grid = Grid((-2.0, -2.0, 3.0), axes, (7, 8, 9))
    volume = cloud("slater").on(grid).interpolated(interpolation)
    assert torch.allclose(volume(grid.points(torch.float64)), volume.values.flatten(1).T, rtol=0, atol=1e-12)


def test_interpolations_reproduce_what_they_should():
    grid = Grid((0.0, 0.0, 0.0), ((0.5, 0.0, 0.0), (0.1, 0.5, 0.0), (0.0, 0.2, 0.5)), (6, 6, 6))
    nodes = grid.points(torch.float64)
    plane = (1 + nodes @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)).reshape(grid.shape)
    steps = torch.rand(30, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 5
    x = grid.origin_tensor() + steps @ grid.axes_tensor()
    expected = 1 + x @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    assert torch.allclose(Volume(plane, grid)(x)[:, 0], expected)


def test_cubic_interpolation_agrees_with_scipy():
    from scipy.ndimage import map_coordinates

    volume = smooth_volume()
    steps = np.random.default_rng(0).uniform(0, 23, size=(50, 3))
    x = volume.grid.origin_tensor() + torch.from_numpy(steps) @ volume.grid.axes_tensor()
    expected = [map_coordinates(v.numpy(), steps.T, order=3, mode="mirror") for v in volume.values]
    assert np.abs(volume(x).numpy() - np.array(expected).T).max() < 1e-10
