"""How often a step of training makes the host wait for a device: a few times, however many molecules there are."""

import pytest
from device_operations import Operations
from small_models import build, random_batch

from tg_molfield import MolField, devices

FIELD = MolField("H C O", widths=0.5, width_scale=1.0)
MOST = 16


def number_of_waits(model, batch):
    with Operations() as counted:
        latent = model.encode(batch)
        model.recon_loss(latent, batch.query_pos, batch.field, batch.query_batch).backward()
    return counted.waits


@pytest.mark.parametrize("decoder", ["rbf", "siren", "atoms"])
def test_a_step_waits_a_few_times_for_any_number_of_molecules(decoder, monkeypatch):
    model = build(decoder, channels=FIELD).train()
    checked = number_of_waits(model, random_batch(FIELD, 4))
    monkeypatch.setattr(devices, "_HOST", "none")
    few, many = number_of_waits(model, random_batch(FIELD, 4)), number_of_waits(model, random_batch(FIELD, 40))
    assert few == many <= MOST
    assert checked > few
