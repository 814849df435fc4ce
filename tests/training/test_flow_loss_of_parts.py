"""The loss of a molecule does not depend on the others in its batch."""

import pytest
import torch
from torch_geometric.data import Batch

from tests.training.test_flow_loss import model, molecules
from tg_molfield.structures import with_bonds
from tg_molfield.training import FlowLoss


@pytest.mark.parametrize("own_prediction", [0.0, 1.0])
@pytest.mark.parametrize("bonds", [False, True])
def test_a_batch_has_the_mean_over_united_atoms(own_prediction, bonds):
    trained = model(bonds=bonds).double()
    loss = FlowLoss(number=0.0, own_prediction=own_prediction)
    found = [with_bonds(data) if bonds else data for data in molecules(("H2O", "CH3CH2OH", "NH3", "CH3CHO"))]
    for data in found:
        data.pos = data.pos.double()
    united = torch.tensor([1.0, 3.0, 1.0, 3.0], dtype=torch.float64)
    with torch.no_grad():
        alone = torch.stack([loss(trained, Batch.from_data_list([data])) for data in found])
        together = loss(trained, Batch.from_data_list(found))
    assert torch.isclose(together, (alone * united).sum() / united.sum(), rtol=1e-6)
