"""How often a step of training makes the host wait for a device: a few times, however many molecules there are."""

import pytest
import torch
from small_models import build
from torch.utils._python_dispatch import TorchDispatchMode
from torch_geometric.data import Batch, Data

from tg_molfield import MolField, MolFieldTransform
from tg_molfield.chem import checked_numbers

FIELD = MolField("H C O", widths=0.5, width_scale=1.0)
MOST = 16


class Waits(TorchDispatchMode):
    """Counts operations that give numbers, or results of sizes, which a device does not tell before it is done."""

    NAMES = ("_local_scalar_dense", "nonzero", "masked_select", "unique_consecutive", "_unique2", "bincount")

    def __init__(self):
        super().__init__()
        self.number = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        indices = args[1] if name in ("index", "index_put", "index_put_") else ()
        by_mask = any(x is not None and x.dtype == torch.bool for x in indices)
        self.number += name in self.NAMES or by_mask
        return func(*args, **(kwargs or {}))


def molecules(count):
    generator = torch.Generator().manual_seed(0)
    found = []
    for size in torch.randint(3, 9, (count,), generator=generator).tolist():
        z = torch.tensor([6, 8, 1])[torch.arange(size) % 3]
        found.append(Data(z=z, pos=1.5 * torch.randn(size, 3, generator=generator)))
    return MolFieldTransform(FIELD, num_queries=16, seed=0)(Batch.from_data_list(found))


def waits(model, batch):
    with Waits() as counted:
        latent = model.encode(batch)
        model.recon_loss(latent, batch.query_pos, batch.field, batch.query_batch).backward()
    return counted.number


@pytest.mark.parametrize("decoder", ["rbf", "siren", "atoms"])
def test_a_step_waits_a_few_times_for_any_number_of_molecules(decoder, monkeypatch):
    model = build(decoder, channels=FIELD).train()
    checked = waits(model, molecules(4))
    monkeypatch.setattr(checked_numbers, "_HOST", "none")
    few, many = waits(model, molecules(4)), waits(model, molecules(40))
    assert few == many <= MOST
    assert checked > few
