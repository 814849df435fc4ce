"""`FieldLightningModule`: training a `FieldAutoEncoder` with Lightning."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.nn.checks import num_graphs_of
from tg_molfield.optional import require
from tg_molfield.training.distributed import is_counted, joined_with_zero, unreached_parameters
from tg_molfield.training.losses import FieldLoss, Loss, check_query_points
from tg_molfield.training.random_state import random_state, set_random_state

if TYPE_CHECKING:
    from lightning import LightningModule
    from torchmetrics import MeanMetric
else:
    LightningModule = require("lightning", "train").LightningModule
    MeanMetric = require("torchmetrics", "train").MeanMetric

_RANDOM_STATES = "tg_molfield_random_states"
_METRICS = ("psnr", "psnr_occupied")


class RandomStateWarning(UserWarning):
    """Training goes on with other random numbers than it would have without an interruption."""


class FieldLightningModule(LightningModule):
    """Trains ``model`` with AdamW and a cosine learning-rate schedule that ends at 0.

    What is logged is a mean over the molecules of all ranks and the same on each; molecules with which a
    `DistributedSampler` fills up the last batches count once. Checkpoints hold the states of the random generators of
    every rank (torch, NumPy, Python), from which random frames, shuffling and augmentation come: a run that is resumed
    at the end of an epoch goes on as if it had not been interrupted, on a CPU bit for bit. Parameters that a loss does
    not reach need no ``find_unused_parameters`` and do not change.

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
        self.means = nn.ModuleDict()
        self._unreached: set[nn.Parameter] | None = None
        self._seen: dict[int, int] = {}

    def training_step(self, batch: Data, batch_idx: int) -> Tensor:
        """The loss of a batch; its mean over the molecules of all ranks is logged as ``train_loss``."""
        value = self.loss(self.model, batch)
        if self.trainer.world_size > 1:
            unreached = unreached_parameters(value, self.model)
            self._unreached = unreached if self._unreached is None else self._unreached & unreached
            value = joined_with_zero(value, unreached)
        count = _num_graphs(batch)
        weighted = value.detach().float() * count
        total = torch.stack([weighted, torch.full_like(weighted, count)])
        weighted, molecules = self.trainer.strategy.reduce(total, reduce_op="sum")
        self.log("train_loss", weighted / molecules, prog_bar=True, batch_size=count)
        return value

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Leave parameters alone that the loss did not reach."""
        for parameter in self._unreached or ():
            parameter.grad = None
        self._unreached = None

    def on_validation_epoch_start(self) -> None:
        """Begin to count the molecules of each data loader."""
        self._seen = {}

    def validation_step(self, batch: Data, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Log ``val_psnr`` and ``val_psnr_occupied`` at the query points of a batch, see `FieldAutoEncoder.test`.

        Raises:
            ValueError: the batch lacks query points or field values.
        """
        check_query_points(batch)
        latent = self.model.encode(batch)
        quality = self.model.psnr(latent, batch.query_pos, batch.field, getattr(batch, "query_batch", None))
        loader = _loaders(self.trainer.val_dataloaders)[dataloader_idx]
        counted, items = is_counted(loader, self._seen.get(dataloader_idx, 0), len(latent))
        self._seen[dataloader_idx] = self._seen.get(dataloader_idx, 0) + items
        for name, values in zip(_METRICS, (quality.all_points, quality.occupied), strict=True):
            key = f"{name}_{dataloader_idx}"
            if key not in self.means:
                self.means[key] = MeanMetric(nan_strategy="ignore").to(self.device)
            mean = self.means[key]
            assert isinstance(mean, MeanMetric)
            mean.update(values[counted.to(values.device)].to(torch.get_default_dtype()))
            self.log(f"val_{name}", mean, on_epoch=True, batch_size=len(latent), metric_attribute=f"means.{key}")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the states of the random generators of all ranks."""
        state = random_state(self.device)
        states = [state] * self.trainer.world_size
        if self.trainer.world_size > 1:
            torch.distributed.all_gather_object(states, state)
        checkpoint[_RANDOM_STATES] = states

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the states of the random generators where training goes on with as many ranks.

        Warns:
            RandomStateWarning: the checkpoint was written by another number of ranks.
        """
        states = checkpoint.get(_RANDOM_STATES, ())
        trainer = getattr(self, "_trainer", None)
        if trainer is None or not trainer.training or not states:
            return
        if len(states) == trainer.world_size:
            set_random_state(states[trainer.global_rank], self.device)
        elif trainer.is_global_zero:
            warnings.warn(
                f"ckpt_path: expected a checkpoint of {trainer.world_size} ranks, got one of {len(states)}; random "
                "numbers begin anew, the run differs from one that was not interrupted",
                RandomStateWarning,
                stacklevel=2,
            )

    def configure_optimizers(self) -> Any:
        """AdamW and its learning-rate schedule."""
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        total = max(int(self.trainer.estimated_stepping_batches), 1)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _num_graphs(batch: Data) -> int:
    count = num_graphs_of(batch)
    if count is not None:
        return count
    owner = getattr(batch, "batch", None)
    return 1 if owner is None else int(owner.max()) + 1


def _loaders(given: Any) -> list[Any]:
    """The data loaders in the order of their indices."""
    if isinstance(given, dict):
        return list(given.values())
    return list(given) if isinstance(given, (list, tuple)) else [given]
