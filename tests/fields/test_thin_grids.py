"""Grids that are thin along a direction in which a field repeats span no period of it."""

import pytest
import torch

from tg_molfield import Grid, RBFField

CELL = 20 * torch.eye(3)


@pytest.mark.parametrize("step", [1e-5, 1e-4, 0.1])
def test_a_plane_is_not_periodic_across(step):
    field = RBFField(torch.zeros(1, 3), torch.ones(1, 1), 0.8, cell=CELL)
    grid = Grid((0.0, 0.0, 0.0), ((1.0, 0, 0), (0, 1.0, 0), (0, 0, step)), (20, 20, 1))
    assert field.on(grid).periodic == (True, True, False)
