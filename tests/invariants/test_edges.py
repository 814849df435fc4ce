"""The same invariants for what is empty, single, far away or on a grid, for every sort of field."""

import math

import pytest
import torch
from invariant_fields import JOINED, OF_SPHERES, PERIODIC_SORTS, SORTS, cloud, crystal, points

from tg_molfield import Grid, RBFField, Volume
from tg_molfield.fields import get_kernel

BY_CHANNEL = pytest.mark.parametrize("by_channel", [False, True])
SORT = pytest.mark.parametrize(("join", "kernel"), SORTS)
SHEARED = Grid((-2.0, -2.0, -3.0), ((0.8, 0.1, 0.0), (-0.2, 1.0, 0.1), (0.0, 0.3, 1.2)), (5, 4, 5))


@BY_CHANNEL
@SORT
def test_grid_and_points_agree(join, kernel, by_channel):
    field = JOINED[join](cloud(kernel, by_channel, join=join))
    for grid in (Grid.cube((0.3, -0.2, 0.1), 7.0, 5), SHEARED):
        volume = field.on(grid)
        direct = field(grid.points(torch.float64)).T.reshape(-1, *grid.shape)
        assert volume.channels == field.channels
        assert torch.allclose(volume.values, direct, rtol=0, atol=3e-6 * max(1.0, float(direct.abs().max())))


@SORT
def test_far_away(join, kernel):
    field = JOINED[join](cloud(kernel, join=join))
    far = 1e7 * torch.nn.functional.normalize(points(8), dim=1)
    values = field(far)
    if join == "displacement":
        assert torch.allclose(values[:, :3], -far, rtol=0, atol=10.0)
    elif join in OF_SPHERES:
        assert torch.allclose(values[:, 0], torch.tensor(1e7).double(), rtol=1e-6)
    else:
        assert values.abs().max() <= 1e-5 * field(points()).abs().max()


@pytest.mark.parametrize("periodic", [False, True])
@SORT
def test_no_points(join, kernel, periodic):
    if periodic and (join, kernel) not in PERIODIC_SORTS:
        pytest.skip("a kernel without a reach is never periodic")
    field = JOINED[join](crystal("slab", kernel, join=join) if periodic else cloud(kernel, join=join))
    none, channels = torch.zeros(0, 3, dtype=torch.float64), len(field.channels)
    assert field(none).shape == (0, channels)
    assert field.gradient(none).shape == (0, channels, 3)
    assert field.laplacian(none).shape == (0, channels)


@pytest.mark.parametrize("n", [0, 3])
@SORT
def test_channel_without_atoms(join, kernel, n):
    """Zero, or infinitely far away; the other channels do not notice, and gradients are numbers."""
    parts = cloud(kernel, n=3, join=join)
    weights = (parts.weights[:n] * torch.tensor([1.0, 0.0, 1.0])).requires_grad_()
    centers = parts.centers[:n].clone().requires_grad_()
    field = JOINED[join](RBFField(centers, weights, parts.widths[:n], kernel, parts.channels))
    width = len(field.channels) // 3
    empty, x = math.inf if join in OF_SPHERES else 0.0, points(6)
    for values in (field(x), field.on(SHEARED).values.flatten(1).T):
        assert (values[:, width : 2 * width] == empty).all()
        assert n or (values == empty).all()
        if n and values.requires_grad:
            for slope in torch.autograd.grad(values[:, :width].sum(), [centers, weights], allow_unused=True):
                assert slope is None or slope.isfinite().all()
    assert not field.gradient(x)[:, width : 2 * width].any()


@pytest.mark.parametrize("kernel", sorted({kernel for _, kernel in SORTS}))
def test_one_atom(kernel):
    center, weight, sigma = torch.tensor([[0.3, -0.2, 1.0]], dtype=torch.float64), 0.7, 1.3
    parts = RBFField(center, torch.tensor([[weight]], dtype=torch.float64), sigma, kernel)
    x = points(20)
    distance = (x - center).norm(dim=1)
    phi = get_kernel(kernel).value((distance / sigma).square())
    expected = {
        "sum": weight * phi,
        "union": 1 - (1 - phi) ** weight,
        "maximum": weight * phi,
        "distance": distance - sigma,
        "distance-smooth": distance - sigma,
    }
    for join, values in expected.items():
        assert torch.allclose(JOINED[join](parts)(x)[:, 0], values, rtol=0, atol=1e-10), join
    assert torch.allclose(JOINED["displacement"](parts)(x), center - x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("suffix", [".npz", ".cube"])
@pytest.mark.parametrize("join", JOINED)
def test_saved_and_loaded(tmp_path, join, suffix):
    volume = JOINED[join](cloud(n=20, join=join)).on(SHEARED)
    (path,) = volume.save(tmp_path / f"x{suffix}")
    found = Volume.read(path, dtype=torch.float64)
    assert found.channels == volume.channels
    assert torch.allclose(found.grid.points(torch.float64), SHEARED.points(torch.float64), rtol=0, atol=2e-5)
    assert torch.allclose(found.values, volume.values, rtol=0 if suffix == ".npz" else 1e-5, atol=1e-30)
