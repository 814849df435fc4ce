"""Crystals whose numbers are not looked at."""

import math

import pytest
import torch

from tg_molfield import RBFField, devices


@pytest.mark.parametrize("what", ["centers", "widths"])
def test_nan_gives_nan_in_its_crystal(what, monkeypatch):
    monkeypatch.setattr(devices, "_HOST", "none")
    parts = {"centers": torch.zeros(3, 3), "weights": torch.ones(3, 1), "widths": torch.full((3,), 0.5)}
    parts[what][1] = math.nan
    cells = 4 * torch.eye(3).expand(2, 3, 3)
    field = RBFField(**parts, batch=torch.tensor([0, 0, 1]), cell=cells, pbc=torch.ones(2, 3, dtype=torch.bool))
    values = field(torch.full((4, 3), 0.1), torch.tensor([0, 0, 1, 1]))
    assert values.isnan()[:, 0].tolist() == [True, True, False, False]
