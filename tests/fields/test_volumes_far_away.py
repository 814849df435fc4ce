"""Volumes far from the origin, or of 16 bits, are resampled as those near it are."""

import pytest
import torch

from tg_molfield import Grid, Volume

NEAR = Grid((-1.0, 0.5, 0.25), ((0.5, 0, 0), (0.125, 0.5, 0), (0, -0.25, 0.5)), (7, 8, 9))
FINER = NEAR.refined(3)


def moved(grid, far):
    x, y, z = grid.origin
    return Grid((x + far, y - far, z + far), grid.axes, grid.shape)


def volume(dtype=torch.float32, **options):
    values = torch.rand(2, *NEAR.shape, generator=torch.Generator().manual_seed(0))
    return Volume(values.to(dtype), NEAR, **options)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize("far", [1024.0, 65536.0, 2.0**20])
def test_values_do_not_depend_on_the_origin(interpolation, periodic, far):
    near = volume(interpolation=interpolation, periodic=periodic)
    away = Volume(near.values, moved(NEAR, far), interpolation=interpolation, periodic=periodic)
    torch.testing.assert_close(away.on(moved(FINER, far)).values, near.on(FINER).values, rtol=0, atol=1e-6)
    assert torch.equal(away.on(away.grid).values, near.values)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_of_16_bits(dtype, interpolation):
    few = volume(dtype, interpolation=interpolation)
    many = few.to(torch.float64)
    pos = torch.rand(200, 3, generator=torch.Generator().manual_seed(1)).to(dtype)
    slack = torch.finfo(dtype).eps
    for found, true in (
        (few(pos), many(pos.double())),
        (few.gradient(pos), many.gradient(pos.double())),
        (few.on(FINER).values, many.on(FINER).values),
        (few.on(NEAR).values, many.values),
    ):
        assert found.dtype == dtype
        assert float((found.double() - true).abs().max()) < slack * float(true.abs().max())


def test_gradients_pass_to_samples_at_their_own_nodes():
    values = torch.rand(1, *NEAR.shape).requires_grad_()
    for grid in (NEAR, FINER):
        (slope,) = torch.autograd.grad(Volume(values, NEAR).on(grid).values.sum(), values)
        assert bool((slope > 0).all())
