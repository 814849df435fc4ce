"""Smooth distances of crystals under the transforms of `torch.func`."""

import torch

from tg_molfield import RBFField
from tg_molfield.fields import DistanceField

CELL = torch.tensor([[3.0, 0, 0], [1, 2.8, 0], [0.4, -0.7, 3.1]], dtype=torch.float64)


def test_points_are_mapped_over():
    rng = torch.Generator().manual_seed(0)
    centers, pos = torch.rand(4, 3, generator=rng).double(), 9 * torch.rand(6, 3, generator=rng).double()
    field = DistanceField(RBFField(centers, torch.ones(4, 2).double(), 0.6, cell=CELL), 0.3)

    def one(point):
        return field(point[None])[0]

    torch.testing.assert_close(torch.func.vmap(one)(pos), field(pos))
    torch.testing.assert_close(torch.func.vmap(torch.func.jacrev(one))(pos), field.gradient(pos))
