"""`FieldLightningModule`: training a `FieldAutoEncoder` with Lightning."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from os import PathLike
from typing import IO, TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch_geometric.data import Data
from typing_extensions import Self

from tg_molfield.arguments import check_kind
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.nn.checks import count_graphs
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.serialization import describe_model
from tg_molfield.optional import require
from tg_molfield.random_stream import RandomStream
from tg_molfield.training.distributed import is_counted, joined_with_zero, unreached_parameters
from tg_molfield.training.lightning.averaging import AveragedWeights
from tg_molfield.training.lightning.checkpoint import KEY, MODEL, check_entry, read_training, training_entry
from tg_molfield.training.lightning.data import FieldDataModule, ResumeWarning
from tg_molfield.training.lightning.gradients import AccumulatedGradients
from tg_molfield.training.lightning.progress import begin_epoch, drop_unfinished_step
from tg_molfield.training.loss_checks import check_function, checked_loss
from tg_molfield.training.losses import FieldLoss, Loss, check_query_points, loss_of
from tg_molfield.training.optimization import BETAS, Optimization
from tg_molfield.training.random_state import random_state, set_random_state
from tg_molfield.training.ranks import Ranks
from tg_molfield.training.value_check import ValueCheck

if TYPE_CHECKING:
    from lightning import LightningModule
    from torchmetrics import MeanMetric
else:
    LightningModule = require("lightning", "train").LightningModule
    MeanMetric = require("torchmetrics", "train").MeanMetric

_RANDOM_STATES, _GRADIENTS = "tg_molfield_random_states", "tg_molfield_gradients"


class FieldLightningModule(LightningModule):
    """Trains ``model`` with AdamW.

    The learning rate rises linearly during the first ``warmup`` of the steps and then falls to 0 along a cosine.
    ``Trainer(gradient_clip_val=...)`` clips gradients, ``Trainer(precision="bf16-mixed")`` saves time.

    Logged are ``train_loss`` and, in validation and tests, ``val_loss``, ``val_psnr`` and ``val_psnr_occupied``
    (``test_...``): means over the molecules of all ranks and the same on each. Molecules with which a
    `DistributedSampler` fills up the last batches count once in the ratios. Parameters that a loss does not reach need
    no ``find_unused_parameters`` and do not change.

    Checkpoints hold all that :meth:`load_from_checkpoint` needs. With a `FieldDataModule` a run that is resumed from
    any of them gives the losses of an unbroken one. With other loaders that holds for checkpoints at the end of an
    epoch and as many ranks, since the states of the random generators of every rank are kept (torch, NumPy, Python).

    Args:
        model: the model, available as the attribute ``model``.
        loss: a function of the model and a batch; `FieldLoss` by default. Parameters of a module are trained, too.
        lr: the maximum learning rate.
        weight_decay: the weight decay of AdamW.
        warmup: the share of the steps for the warm-up.
        schedule: ``"cosine"``, or ``"constant"`` after the warm-up.
        ema: the decay of a moving average of the model's parameters, such as 0.999, that is validated, saved, and left
            in their place at the end.

    Raises:
        TypeError: ``model`` is no `FieldAutoEncoder`, ``loss`` no function, or an option no number.
        ValueError: an option is out of range.

    Warns:
        FieldValuesWarning: batches bring field values that are not those of their atoms by the model's definition.
    """

    def __init__(
        self,
        model: FieldAutoEncoder,
        loss: Loss | None = None,
        lr: float = 1e-3,
        weight_decay: float = 1e-4,
        *,
        warmup: float = 0.02,
        schedule: str = "cosine",
        ema: float | None = None,
    ) -> None:
        super().__init__()
        check_kind("model", model, FieldAutoEncoder, "a FieldAutoEncoder", "give one, or use from_pretrained")
        self.model = model
        check_function(loss)
        self.loss = FieldLoss() if loss is None else loss
        options = Optimization(lr, weight_decay, warmup=warmup, schedule=schedule, ema=ema).described()
        self.lr, self.weight_decay, self.warmup = options["lr"], options["weight_decay"], options["warmup"]
        self.schedule, self.ema = options["schedule"], options["ema"]
        self.means = nn.ModuleDict()
        self._average = None if ema is None else AveragedWeights(model, ema)
        self._gradients = AccumulatedGradients(self)
        self._seen: dict[int, int] = {}
        self._check_values = {name: ValueCheck(self.loss, f"{name} batches") for name in ("train", "val", "test")}
        self.save_hyperparameters({**self.options, "channels": " ".join(model.channels), **model.hyper_parameters})

    @property
    def options(self) -> dict[str, Any]:
        """The options of the training, by name."""
        return {name: getattr(self, name) for name in ("lr", "weight_decay", "warmup", "schedule", "ema")}

    def on_fit_start(self) -> None:
        """Train a model that was loaded, which is in evaluation mode.

        Raises:
            ValueError: the Trainer writes checkpoints, which cannot hold the model.
        """
        if self.trainer.checkpoint_callbacks:
            describe_model(self.model)
        self.train()

    def on_train_start(self) -> None:
        """Begin to average the parameters, or go on."""
        begin_epoch(self.trainer.fit_loop)
        self._gradients.begin(self._ranks)
        if self._average is not None:
            self._average.begin()

    def training_step(self, batch: Data, batch_idx: int) -> Tensor:
        """The loss of a batch; its mean over the molecules of all ranks is logged as ``train_loss``.

        Raises:
            FloatingPointError: the loss is not finite.
            TypeError: it is no tensor.
            ValueError: it is not one number, or depends on no parameter.
        """
        self._check_values["train"](self.model, batch)
        with _own_draws(batch):
            value = checked_loss(self.loss(self.model, batch))
        share = getattr(batch, "rank_weight", None)
        count = 0 if share is not None and not bool(share.any()) else count_graphs(batch)
        total = torch.stack([value.detach().float() * count, value.new_tensor(float(count)).float()])
        if self.trainer.world_size > 1:
            total = self.trainer.strategy.reduce(total, reduce_op="sum")
            self._ranks.merge_domains(self.model)
            unreached = unreached_parameters(value, self)
            self._gradients.note_unreached(unreached)
            value = joined_with_zero(value, unreached)
        mean = total[0] / total[1]
        self._check_finite("train_loss", mean)
        self.log("train_loss", mean, prog_bar=True, batch_size=max(count, 1))
        return value if share is None else value * share.to(value).squeeze()

    def on_before_backward(self, loss: Tensor) -> None:
        """Take what gradients there are for those of a part of a batch, which no checkpoint can hold."""
        self._gradients.are_whole = False

    def on_after_backward(self) -> None:
        """Take them for those of whole batches."""
        self._gradients.are_whole = True

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Leave parameters alone that the loss of no rank has reached.

        Raises:
            FloatingPointError: a gradient is not finite, where no scaler skips such steps.
        """
        self._gradients.drop_unreached(self._ranks)
        if getattr(self.trainer.precision_plugin, "scaler", None) is None:
            self._check_finite("gradient of train_loss", clip_grad_norm_(self.parameters(), math.inf))

    def optimizer_step(self, *arguments: Any, **named: Any) -> None:
        """Take a step, and the new parameters into their average."""
        super().optimizer_step(*arguments, **named)
        self._gradients.are_whole = False
        if self._average is not None:
            self._average.update(self.trainer.global_step + 1)

    def on_validation_start(self) -> None:
        """Validate the averaged parameters, if there are any."""
        if self._average is not None and self.trainer.state.fn == "fit":
            self._average.use()

    def on_validation_end(self) -> None:
        """Go on with the parameters of the last step."""
        if self._average is not None and self.trainer.state.fn == "fit":
            self._average.give_back()

    def on_train_end(self) -> None:
        """Leave the averaged parameters in the model."""
        if self._average is not None:
            self._average.use()

    def on_fit_end(self) -> None:
        """As :meth:`on_train_end`, which is not called where the checkpoint of a finished training is resumed."""
        self.on_train_end()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within, the model has the averaged parameters, if there are any."""
        average = self._average
        if average is None or average.in_use:
            yield
            return
        average.use()
        try:
            yield
        finally:
            average.give_back()

    def on_validation_epoch_start(self) -> None:
        """Begin to count the molecules of each data loader."""
        self._begin_means()

    def on_test_epoch_start(self) -> None:
        """Begin to count the molecules of each data loader."""
        self._begin_means()

    def validation_step(self, batch: Data, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Log the loss and both ratios at the query points of a batch, see `FieldAutoEncoder.test`.

        Raises:
            ValueError: the batch lacks query points or field values.
            FloatingPointError: the loss is not finite.
        """
        self._evaluate("val", batch, _loaders(self.trainer.val_dataloaders)[dataloader_idx], dataloader_idx)

    def test_step(self, batch: Data, batch_idx: int, dataloader_idx: int = 0) -> None:
        """As :meth:`validation_step`."""
        self._evaluate("test", batch, _loaders(self.trainer.test_dataloaders)[dataloader_idx], dataloader_idx)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what :meth:`load_from_checkpoint` needs, and of all ranks the states of the random generators.

        Within a step that takes in several batches also the gradients of those that were taken.
        """
        checkpoint[_RANDOM_STATES] = self._ranks.gathered(random_state(self.device))
        if gradients := self._gradients.state(self._ranks):
            checkpoint[_GRADIENTS] = gradients
        parameters = {} if self._average is None else self._average.save(checkpoint["state_dict"], MODEL)
        checkpoint[KEY] = training_entry(self.model, self.loss, self.options, parameters)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore averages, gradients and, with as many ranks, the random generators where training goes on.

        Raises:
            ValueError: the checkpoint is of another model, of a newer format, or of other options.

        Warns:
            ResumeWarning: the checkpoint was written by another number of ranks.
        """
        trainer = getattr(self, "_trainer", None)
        resuming = trainer is not None and trainer.training
        entry = checkpoint.get(KEY, {})
        try:
            check_entry(entry, self.model, self.options, resuming)
        except ValueError as error:
            raise ValueError(f"ckpt_path: {error}") from error
        if trainer is None or not resuming:
            return
        if "loops" in checkpoint:
            drop_unfinished_step(checkpoint["loops"])
        if parameters := entry.get("parameters"):
            if self._average is not None:
                self._average.restore(checkpoint["state_dict"], MODEL)
            checkpoint["state_dict"].update({MODEL + name: tensor for name, tensor in parameters.items()})
        self._gradients.load(checkpoint.get(_GRADIENTS, ()), self._ranks)
        states = checkpoint.get(_RANDOM_STATES, ())
        if len(states) == trainer.world_size:
            set_random_state(states[trainer.global_rank], self.device)
        elif states and trainer.is_global_zero and not isinstance(trainer.datamodule, FieldDataModule):
            warnings.warn(
                f"ckpt_path: expected a checkpoint of {trainer.world_size} ranks, got one of {len(states)}; random "
                "numbers begin anew, the run differs from one that was not interrupted; use a FieldDataModule",
                ResumeWarning,
                stacklevel=2,
            )

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls,
        checkpoint_path: str | PathLike[str] | IO[bytes],
        map_location: Any = "cpu",
        *,
        weights_only: bool = True,
        loss: Loss | None = None,
        channels: Any = None,
        encoder: nn.Module | None = None,
        decoder: Decoder | None = None,
        **options: Any,
    ) -> Self:
        """The training that a checkpoint holds, with its model, which has the averaged parameters if there are any.

        Args:
            checkpoint_path: a file that the Trainer saved, or a stream.
            map_location: see `torch.load`.
            weights_only: True; code that a file may hold is never run.
            loss: needed where it is not one of this package's, such as a function of your own.
            channels: refuse a model of another field: a definition, or names of channels.
            encoder: a module of the kind that the model was built with, where it was not built by name.
            decoder: likewise.
            options: others than those of the checkpoint, such as ``lr``.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is something else, was written by a newer version of the package, has other channels, or a
                module or a loss is missing.
        """
        if not weights_only:
            raise ValueError("weights_only: expected True, got False; these checkpoints hold nothing that needs it")
        modules = {name: one for name, one in (("encoder", encoder), ("decoder", decoder)) if one is not None}
        saved = read_training(checkpoint_path, map_location, loss, channels, modules)
        found = cls(saved.model, saved.loss, **{**saved.options, **options})
        found.load_state_dict(saved.state)
        return found.to(next(iter(saved.state.values())).device)

    def configure_optimizers(self) -> Any:
        """AdamW and its learning-rate schedule.

        Raises:
            ValueError: the schedule needs the number of steps, and the Trainer has none.
        """
        steps = self.trainer.estimated_stepping_batches
        known = math.isfinite(steps) and steps > 0
        if not known and (self.schedule != "constant" or self.warmup):
            raise ValueError(
                "schedule: expected a Trainer that knows its number of steps, got one without end; give it max_steps, "
                "or take schedule='constant' with warmup=0"
            )
        course = Optimization(1.0, warmup=self.warmup, schedule=self.schedule)

        def factor(step: int) -> float:
            return course.lr_at(min(step / steps, 1.0) if known else 1.0)

        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr, weight_decay=self.weight_decay, betas=BETAS)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    @property
    def _ranks(self) -> Ranks:
        return Ranks(self.trainer.global_rank, self.trainer.world_size)

    def _evaluate(self, stage: str, batch: Data, loader: Any, index: int) -> None:
        check_query_points(batch)
        self._check_values[stage](self.model, batch)
        latent = self.model.encode(batch)
        quality = self.model.psnr(latent, batch.query_pos, batch.field, getattr(batch, "query_batch", None))
        share = getattr(batch, "rank_weight", None)
        if share is None:
            counted, items = is_counted(loader, self._seen.get(index, 0), len(latent))
            self._seen[index] = self._seen.get(index, 0) + items
        else:
            counted = (share != 0).expand(len(latent))
        with _own_draws(batch):
            loss = loss_of(self.loss, self.model, latent, batch).detach().float()
        self._check_finite(f"{stage}_loss", loss)
        counted = counted.to(loss.device)
        self._add_to_mean(f"{stage}_loss", loss, counted.sum(), index)
        for name, values in (("psnr", quality.all_points), ("psnr_occupied", quality.occupied)):
            self._add_to_mean(f"{stage}_{name}", values[counted], 1.0, index)

    def _begin_means(self) -> None:
        """Begin with none, also where the last ones are of the inference mode, of which training cannot take them."""
        self._seen = {}
        for mean in self.means.values():
            assert isinstance(mean, MeanMetric)
            mean.reset()

    def _add_to_mean(self, name: str, values: Tensor, weight: Tensor | float, index: int) -> None:
        key = f"{name}_{index}"
        if key not in self.means:
            self.means[key] = MeanMetric(nan_strategy="ignore").to(self.device)
        mean = self.means[key]
        assert isinstance(mean, MeanMetric)
        mean.update(values.to(torch.get_default_dtype()), weight)
        self.log(name, mean, on_epoch=True, batch_size=max(values.numel(), 1), metric_attribute=f"means.{key}")

    def _check_finite(self, name: str, loss: Tensor) -> None:
        if not bool(loss.isfinite()):
            raise FloatingPointError(
                f"{name}: expected a finite number, got {float(loss)} at step {self.trainer.global_step}; use lr below "
                f"{self.lr} or check the data"
            )


def _own_draws(batch: Data) -> AbstractContextManager[None]:
    """Where molecules have seeds of their own, what else a loss draws is a function of that of the first."""
    seeds = getattr(batch, "draw_seed", None)
    return RandomStream(int(seeds[0])).active() if isinstance(seeds, Tensor) and len(seeds) else nullcontext()


def _loaders(given: Any) -> list[Any]:
    """The data loaders in the order of their indices."""
    if isinstance(given, dict):
        return list(given.values())
    return list(given) if isinstance(given, (list, tuple)) else [given]
