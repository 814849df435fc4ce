"""Likeness does not depend on the units of fields, also where squares of their values leave the range of floats."""

import pytest
import torch

from tg_molfield import Grid, RBFField
from tg_molfield.compare import similarity
from tg_molfield.compare.metrics import METRICS
from tg_molfield.fields import MaximumField

GRID = Grid.cube((0.0, 0.0, 0.0), 14.0, 57)


def pair():
    """Two fields of three channels; the second has no atoms in the first, and neither has any in the last."""
    rng = torch.Generator().manual_seed(0)
    return tuple(
        RBFField(torch.randn(5, 3, generator=rng), torch.rand(5, 3, generator=rng) * torch.tensor(filled), 0.6)
        for filled in ([1.0, 1.0, 0.0], [0.0, 1.0, 0.0])
    )


@pytest.mark.parametrize("scale", [1e-30, 1.6e-19, 1e-12, 1e12, 1e25])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("make", [lambda field: field, MaximumField], ids=["sum", "maximum"])
def test_of_all_channels(make, metric, scale):
    f, g = map(make, pair())
    true = similarity(f, g, metric, grid=GRID)
    found = similarity(f * scale, g * scale, metric, grid=GRID)
    assert 0 < float(true.total) < 1
    assert true.by_channel[0] == 0
    assert true.by_channel[2] == 1
    torch.testing.assert_close(found.total, true.total, rtol=1e-5, atol=0)
    torch.testing.assert_close(found.by_channel, true.by_channel, rtol=1e-5, atol=0)


def test_of_channels_of_different_units():
    f, g = pair()
    units = torch.tensor([[1e-25, 1e-25, 1.0]])
    true, found = similarity(f, g), similarity(f.scaled(units), g.scaled(units))
    torch.testing.assert_close(found.total, true.total)
    torch.testing.assert_close(found.by_channel, true.by_channel)


@pytest.mark.parametrize("metric", METRICS)
def test_slopes_of_channels_without_atoms_are_numbers(metric):
    f, g = pair()
    weights = f.weights.clone().requires_grad_()
    likeness = similarity(RBFField(f.centers, weights, 0.6), g, metric)
    (slope,) = torch.autograd.grad(likeness.by_channel.sum(), weights)
    assert bool(slope.isfinite().all())
    assert bool(slope[:, 1].any())
