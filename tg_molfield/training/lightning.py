"""`FieldLightningModule`: training a `FieldAutoEncoder` with Lightning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.optional import require
from tg_molfield.training.losses import FieldLoss, Loss

if TYPE_CHECKING:
    from lightning import LightningModule
else:
    LightningModule = require("lightning", "train").LightningModule


class FieldLightningModule(LightningModule):
    """Trains ``model`` with AdamW and a cosine learning-rate schedule that ends at 0.

    Args:
        model: the model, available as the attribute ``model``.
        loss: a function of the model and a batch; `FieldLoss` by default.
        lr: the initial learning rate.
        weight_decay: the weight decay of AdamW.
    """

    def __init__(
        self, model: FieldAutoEncoder, loss: Loss | None = None, lr: float = 1e-3, weight_decay: float = 1e-4
    ) -> None:
        super().__init__()
        self.model = model
        self.loss = loss or FieldLoss()
        self.lr = lr
        self.weight_decay = weight_decay

    def training_step(self, batch: Data, batch_idx: int) -> Tensor:
        """The loss of a batch, logged as ``train_loss``."""
        value = self.loss(self.model, batch)
        self.log("train_loss", value, prog_bar=True, batch_size=batch.num_graphs)
        return value

    def validation_step(self, batch: Data, batch_idx: int) -> None:
        """Log ``val_psnr`` and ``val_psnr_occupied`` at the query points of a batch, see `FieldAutoEncoder.test`."""
        latent = self.model.encode(batch)
        result = self.model.test(latent, batch.query_pos, batch.field, batch.query_batch)
        self.log_dict({f"val_{name}": value for name, value in result.items()}, batch_size=len(latent))

    def configure_optimizers(self) -> Any:
        """AdamW and its learning-rate schedule."""
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        total = max(int(self.trainer.estimated_stepping_batches), 1)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
