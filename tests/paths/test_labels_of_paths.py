"""Labels of a molecule are those of the frame before, also where their number is that of the atoms."""

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import FieldPath


@pytest.mark.parametrize("kind", ["spline", "arap"])
def test_labels_of_an_atom(kind):
    frames = [
        Data(
            z=torch.tensor([8]),
            pos=torch.full((1, 3), float(number)),
            energy=torch.tensor([float(number)]),
            dipole=torch.full((1, 3), float(number)),
            partial_charge=torch.tensor([float(number)]),
        )
        for number in range(2)
    ]
    data = FieldPath(frames, kind=kind).data(0.5)
    assert data.energy == 0
    assert torch.equal(data.dipole, torch.zeros(1, 3))
    assert data.partial_charge == 0.5
