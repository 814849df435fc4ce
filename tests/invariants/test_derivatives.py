"""Derivatives: analytic, by autograd and by finite differences, of every sort of field, once and twice."""

import pytest
import torch
from invariant_fields import FINITE, JOINED, OF_SPHERES, SORTS, cloud, crystal, points

from tg_molfield import Field, RBFField

BY_CHANNEL = pytest.mark.parametrize("by_channel", [False, True])
SORT = pytest.mark.parametrize(("join", "kernel"), SORTS)
PERIODIC = pytest.mark.parametrize("cell", [None, "triclinic", "wire"])
ROUGH = ("hard_sphere", "gaussian_with_tail", "wendland_c2")
"""Kernels whose second derivative jumps."""


def field_of(join: str, kernel: str, by_channel: bool, cell: str | None) -> Field:
    if cell is None:
        return JOINED[join](cloud(kernel, by_channel, n=6, join=join))
    if kernel not in FINITE:
        pytest.skip("a kernel without a reach is never periodic")
    return JOINED[join](crystal(cell, kernel, by_channel, join=join))


@PERIODIC
@BY_CHANNEL
@SORT
def test_gradient_is_autograd_is_finite_difference(join, kernel, by_channel, cell):
    field, x = field_of(join, kernel, by_channel, cell), points(10)
    gradient = field.gradient(x)
    assert torch.allclose(gradient, Field.gradient(field, x), rtol=0, atol=1e-9)
    h = 1e-5
    steps = h * torch.eye(3, dtype=torch.float64)
    slope = torch.stack([(field(x + step) - field(x - step)) / (2 * h) for step in steps], -1)
    known = slope.isfinite()
    scale = float(gradient.abs().max())
    assert torch.allclose(gradient[known], slope[known], rtol=0, atol=1e-6 * scale)
    assert known[:, :1].all()


@PERIODIC
@BY_CHANNEL
@SORT
def test_laplacian_is_autograd_is_finite_difference(join, kernel, by_channel, cell):
    field, x = field_of(join, kernel, by_channel, cell), points(6)
    laplacian = field.laplacian(x)
    scale = max(1e-9, float(laplacian.abs().max()))
    assert torch.allclose(laplacian, Field.laplacian(field, x), rtol=0, atol=1e-8 * scale)
    if kernel in ROUGH:
        return
    h = 1e-3
    steps = torch.cat([torch.eye(3), -torch.eye(3)]).double() * h
    curve = (sum(field(x + step) for step in steps) - 6 * field(x)) / h**2
    known = curve.isfinite()
    assert torch.allclose(laplacian[known], curve[known], rtol=0, atol=max(1e-3 * scale, 1e-6))


def check_twice(join, parts, kernel, **lattice) -> None:
    first = parts.widths if parts.widths.ndim == 1 else parts.widths[:, 0]
    x = parts.centers + 0.9 * first[:, None] * torch.nn.functional.normalize(points(2), dim=1)

    def values(centers, weights, widths, at):
        base = RBFField(centers, weights, widths, kernel, parts.channels[:2], **lattice)
        return JOINED[join](base)(at)

    widths = parts.widths if parts.widths.ndim == 1 else parts.widths[:, :2]
    given = [parts.centers, parts.weights[:, :2].clone(), widths, x]
    if join in OF_SPHERES:
        given[1] = torch.ones_like(given[1])
    elif join != "sum":
        given[1] = 0.5 + torch.rand(given[1].shape, generator=torch.Generator().manual_seed(0)).double()
    arguments = [tensor.detach().clone().requires_grad_() for tensor in given]
    assert torch.autograd.gradcheck(values, arguments)
    assert torch.autograd.gradgradcheck(values, arguments)
    slopes = torch.autograd.grad(values(*arguments).square().sum(), arguments, allow_unused=True)
    moved = [1] if kernel == "hard_sphere" else [0, 3] if join == "displacement" else [0, 2, 3]
    assert all(slopes[i] is not None and slopes[i].any() for i in moved)


@BY_CHANNEL
@SORT
def test_differentiable_twice_by_everything(join, kernel, by_channel):
    check_twice(join, cloud(kernel, by_channel, n=2, join=join), kernel)


@pytest.mark.parametrize("kernel", ["gaussian", "wendland_c4"])
@pytest.mark.parametrize("join", JOINED)
def test_differentiable_twice_in_a_crystal(join, kernel):
    parts = crystal("triclinic", kernel, n=2, join=join)
    check_twice(join, parts, kernel, cell=parts.cell, pbc=parts.pbc)


@SORT
def test_derivatives_at_a_centre_and_far_away_are_numbers(join, kernel):
    parts = cloud(kernel, n=4, join=join)
    centers = parts.centers.clone().requires_grad_()
    field = JOINED[join](RBFField(centers, parts.weights, parts.widths, kernel, parts.channels))
    field = field[field.channels[0]]
    x = torch.cat([parts.centers[:1], 1e6 + points(2)])
    for values in (field(x), field.gradient(x), field.laplacian(x)):
        assert values.isfinite().all()
        if values.requires_grad:
            assert torch.autograd.grad(values.sum(), centers, materialize_grads=True)[0].isfinite().all()
