"""How often a step of training makes the host wait for a device: a few times, however many molecules there are."""

import pytest
import torch
from device_operations import Operations
from small_models import build
from torch_geometric.data import Batch, Data

from tg_molfield import MolField, MolFieldTransform, devices

FIELD = MolField("H C O", widths=0.5, width_scale=1.0)
MOST = 16


def molecules(count):
    generator = torch.Generator().manual_seed(0)
    found = []
    for size in torch.randint(3, 9, (count,), generator=generator).tolist():
        z = torch.tensor([6, 8, 1])[torch.arange(size) % 3]
        found.append(Data(z=z, pos=1.5 * torch.randn(size, 3, generator=generator)))
    return MolFieldTransform(FIELD, num_queries=16, seed=0)(Batch.from_data_list(found))


def number_of_waits(model, batch):
    with Operations() as counted:
        latent = model.encode(batch)
        model.recon_loss(latent, batch.query_pos, batch.field, batch.query_batch).backward()
    return counted.waits


@pytest.mark.parametrize("decoder", ["rbf", "siren", "atoms"])
def test_a_step_waits_a_few_times_for_any_number_of_molecules(decoder, monkeypatch):
    model = build(decoder, channels=FIELD).train()
    checked = number_of_waits(model, molecules(4))
    monkeypatch.setattr(devices, "_HOST", "none")
    few, many = number_of_waits(model, molecules(4)), number_of_waits(model, molecules(40))
    assert few == many <= MOST
    assert checked > few
