import pytest
import torch

from tg_molfield.fields import RBFField
from tg_molfield.nn.ops.gaussian_overlap import squared_distance


def test_it_is_the_integral_over_a_fine_grid():
    torch.manual_seed(0)
    f, g = (RBFField(torch.randn(n, 3).double(), torch.rand(n, 2).double(), 0.6 + 0.3 * torch.rand(n).double())
            for n in (3, 4))  # fmt: skip
    x = torch.linspace(-7, 7, 57, dtype=torch.float64)
    nodes = torch.cartesian_prod(x, x, x)
    integral = (f(nodes) - g(nodes)).square().sum() * (x[1] - x[0]) ** 3
    torch.testing.assert_close(squared_distance(f, g)[0], integral, rtol=1e-4, atol=1e-6)


def test_fields_that_cannot_be_compared():
    one = RBFField(torch.zeros(1, 3), torch.ones(1, 1))
    with pytest.raises(ValueError, match="g: expected Gaussians"):
        squared_distance(one, RBFField(torch.zeros(1, 3), torch.ones(1, 1), torch.ones(1, 1)))
    with pytest.raises(ValueError, match="channels"):
        squared_distance(one, RBFField(torch.zeros(1, 3), torch.ones(1, 2)))
