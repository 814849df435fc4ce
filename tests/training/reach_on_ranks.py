"""Two processes train a weight that only some molecules reach; run by `test_lightning_accumulating.py`."""

import json
import sys
from pathlib import Path

import torch
from lightning_runs import trainer
from small import FIELD, model, molecules

from tg_molfield.training import FieldLoss
from tg_molfield.training.lightning import FieldDataModule, FieldLightningModule

OXYGEN = 8


class Loss(torch.nn.Module):
    """A `FieldLoss` and a term of molecules with oxygen."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.field = FieldLoss()

    def forward(self, model, batch):
        loss = self.field(model, batch)
        return loss + self.weight.square().sum() if bool((batch.z == OXYGEN).any()) else loss


class Module(FieldLightningModule):
    """Tells the weight of each rank."""

    def on_train_batch_start(self, batch, index):
        weights = [None, None]
        torch.distributed.all_gather_object(weights, float(self.loss.weight.detach()))
        told.append(weights)

    def on_train_end(self):
        if self.global_rank == 0:
            (Path(sys.argv[1]) / "weights.json").write_text(json.dumps(told))


if __name__ == "__main__":
    torch.set_num_threads(1)
    told = []
    with_oxygen, without = molecules(4)[3], molecules(1)[0]
    data = {"train": [without, with_oxygen] * 8}
    one = trainer(Path(sys.argv[1]), max_epochs=1, devices=2, strategy="ddp_fork")
    one.fit(Module(model(), Loss(), lr=0.1), datamodule=FieldDataModule(data, FIELD, batch_size=2))
