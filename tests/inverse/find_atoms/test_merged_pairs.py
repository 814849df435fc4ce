"""Two atoms alone whose functions have one maximum, such as H₂, are found as two."""

import warnings

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, find_atoms


@pytest.mark.parametrize("distance", [0.55, 0.65, 0.7, 0.74, 0.77, 0.9])
@pytest.mark.parametrize("spacing", [0.1, 0.25])
def test_a_pair_of_hydrogens(distance, spacing):
    pos = torch.tensor([[0.1, 0.2, 0.3], [0.1, 0.2, 0.3 + distance]], dtype=torch.float64)
    data = Data(z=torch.tensor([1, 1]), pos=pos)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = find_atoms(MolField("H")(data).on(Grid.around(pos, spacing)))
    assert torch.allclose(found.pos[found.pos[:, 2].argsort()], pos, atol=1e-5)
