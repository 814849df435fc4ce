"""Compiled by `torch.compile`, fields give the same values and gradients."""

import pytest
import torch
from invariant_fields import cloud, points

from tg_molfield import RBFField


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*not a leaf Tensor:UserWarning")
@pytest.mark.parametrize("kernel", ["gaussian", "wendland_c4"])
def test_points_with_gradients(kernel):
    parts, x = cloud(kernel, n=5), points(20)

    def evaluate(*arguments):
        centers, weights, widths, at = arguments
        return RBFField(centers, weights, widths, kernel)(at)

    arguments = [tensor.clone().requires_grad_() for tensor in (parts.centers, parts.weights, parts.widths, x)]
    found = torch.compile(evaluate, backend="aot_eager")(*arguments)
    expected = evaluate(*arguments)
    torch.testing.assert_close(found, expected)
    slopes = torch.autograd.grad(expected.square().sum(), arguments)
    for one, two in zip(torch.autograd.grad(found.square().sum(), arguments), slopes, strict=True):
        torch.testing.assert_close(one, two)
