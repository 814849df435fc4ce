"""Gaussians of very different widths, or very far from each other, are summed as exactly as others."""

import pytest
import torch

from tg_molfield import RBFField


def gaussians(centers, weights, widths, points):
    """The sum [Q, 1] from all distances, in double precision."""
    squares = (points[:, None] - centers).square().sum(-1)
    return torch.exp(-0.5 * squares / widths.square()) @ weights


@pytest.mark.parametrize(("narrow", "tolerance"), [(0.05, 1e-5), (0.01, 5e-5)])
@pytest.mark.parametrize("number", [40, 1500])
def test_narrow_ones_among_wide_ones(narrow, tolerance, number):
    """The tolerance is that of rounded distances: 1e-6 Å, as coordinates are up to 20 Å, over the width."""
    rng = torch.Generator().manual_seed(0)
    centers = 20 * torch.rand(number, 3, generator=rng)
    is_narrow = (torch.arange(number) % 2 == 0)[:, None]
    weights = torch.where(is_narrow, 1.0, 1e-3)
    widths = torch.where(is_narrow[:, 0], narrow, 5.0)
    points = centers[torch.arange(2 * number) % number] + narrow * torch.randn(2 * number, 3, generator=rng)
    found = RBFField(centers, weights, widths)(points)
    true = gaussians(*(x.double() for x in (centers, weights, widths, points)))
    torch.testing.assert_close(found.double(), true, rtol=0, atol=tolerance)


@pytest.mark.parametrize("apart", [1e2, 1e4, 1e6])
def test_clusters_far_from_each_other_in_double_precision(apart):
    rng = torch.Generator().manual_seed(1)
    near = torch.randn(5, 3, generator=rng, dtype=torch.float64)
    centers = torch.cat([near, near + apart]).requires_grad_()
    weights, widths = torch.ones(10, 1, dtype=torch.float64), torch.full((10,), 0.5, dtype=torch.float64)
    points = (centers + 0.3).detach()
    field = RBFField(centers, weights, widths)
    true = gaussians(centers, weights, widths, points)
    torch.testing.assert_close(field(points), true, rtol=0, atol=1e-10)
    slopes = [torch.autograd.grad(values.sum(), centers)[0] for values in (field(points), true)]
    torch.testing.assert_close(*slopes, rtol=0, atol=1e-9)
