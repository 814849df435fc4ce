import pytest
import torch

from tg_molfield.fields import AtomList, Grid, RBFField


@pytest.fixture(scope="session")
def water():
    pos = torch.tensor([[0.0, 0.0, 0.1], [0.0, 0.76, -0.48], [0.0, -0.76, -0.48]])
    weights = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    atoms = AtomList(torch.tensor([8, 1, 1]), pos)
    return RBFField(pos, weights, 0.6, channels=("H", "O", "S"), atoms=atoms)


@pytest.fixture(scope="session")
def volume(water):
    return water.on(Grid.around(water.centers, spacing=0.4, margin=2.5))
