"""Coordinates that are too large for their type are warned of, and only these."""

import warnings

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.fields import MolField, RBFField
from tg_molfield.fields.resolution import CoarseCoordinatesWarning


def at(distance: float, dtype: torch.dtype) -> RBFField:
    pos = torch.tensor([[0.1234, 0.0, 0.0], [0.0, 1.0, 0.0]], dtype=torch.float64) + distance
    return MolField("all", widths=0.5, width_scale=1.0)(Data(z=torch.tensor([6, 6]), pos=pos.to(dtype)))


def test_far_coordinates_are_warned_of():
    with pytest.warns(CoarseCoordinatesWarning, match=r"centers: expected coordinates .* got up to 1e\+06 Å"):
        far = at(1e6, torch.float32)
    pos = torch.tensor([[0.4, 0.0, 0.0]], dtype=torch.float64)
    near = at(0.0, torch.float64)(pos)
    assert abs(float(far((pos + 1e6).float())) / float(near) - 1) > 0.01, "the warning is right"
    assert abs(float(at(1e6, torch.float64)(pos + 1e6)) / float(near) - 1) < 1e-6


def test_usual_coordinates_are_not():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for distance, dtype in ((1000.0, torch.float32), (1e6, torch.float64)):
            field = at(distance, dtype)
            assert field(field.centers).shape == (2, 1)
        RBFField(torch.zeros(0, 3), torch.zeros(0, 1))
