"""`Run`: a training that goes on step by step, from its start or from a checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from tg_molfield.arguments import check_integers, check_number
from tg_molfield.devices import device_with_double, in_widest_type
from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.nn.serialization import describe_model
from tg_molfield.nn.serialization.folder import TENSORS
from tg_molfield.random_draws import draw_seeds
from tg_molfield.random_stream import RandomStream
from tg_molfield.training.batches import Batches
from tg_molfield.training.budget import Budget
from tg_molfield.training.checkpoint import CHECKPOINT, TrainingState, read_state, write_state
from tg_molfield.training.ema import ExponentialMovingAverage
from tg_molfield.training.interruption import Interruption, interruptible
from tg_molfield.training.log import TrainingLog
from tg_molfield.training.loss_checks import checked_loss
from tg_molfield.training.loss_description import describe_loss
from tg_molfield.training.optimization import Optimization, optimizer_tensors, set_optimizer_tensors
from tg_molfield.training.pictures import save_reconstructions
from tg_molfield.training.progress import Show
from tg_molfield.training.ranks import Ranks
from tg_molfield.training.report import TrainingReport
from tg_molfield.training.validation import Validator
from tg_molfield.training.value_check import ValueCheck

_LOG_EVERY = 50
"""Steps between rows of the log."""

_STEPS_WITHOUT_EPOCHS = 500
"""From one validation to the next, where data have no epochs."""


@dataclass(frozen=True)
class Habits:
    """What a run does besides its steps.

    Attributes:
        folder: where checkpoints, the model, the log and pictures are written; nowhere if None.
        validate_every: steps from one validation to the next; by default an epoch.
        patience: validations without improvement that end the run; None for any number.
        checkpoint_seconds: from one checkpoint to the next, besides those after validations.
        pictures: how many molecules are drawn at each validation.
        tensorboard: whether event files are written.

    Raises:
        TypeError: a number is none.
        ValueError: a number is out of range, or there is no folder for what is to be written.
    """

    folder: Path | None = None
    validate_every: int | None = None
    patience: int | None = None
    checkpoint_seconds: float = 300.0
    pictures: int = 0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        least = {"validate_every": 1, "patience": 1, "pictures": 0, "checkpoint_seconds": 0}
        check_integers(validate_every=self.validate_every, patience=self.patience, pictures=self.pictures)
        check_number("checkpoint_seconds", self.checkpoint_seconds)
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and not value >= bound:
                raise ValueError(f"{name}: expected at least {bound}, got {value}; give more or leave it out")
        if self.folder is not None and self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"folder: expected a folder, got the file {self.folder}; give another name")
        for name in ("pictures", "tensorboard"):
            if getattr(self, name) and self.folder is None:
                raise ValueError(f"{name}: expected a folder for it, got none; give folder")

    def check_without_validation(self) -> None:
        """Raise a ValueError for options that need molecules to validate with."""
        for name in ("validate_every", "patience", "pictures"):
            if getattr(self, name):
                raise ValueError(
                    f"{name}: expected valid with it, got none; give molecules to validate with, or leave it out"
                )


class Run:
    """A training of one model.

    Args:
        model: trained in place.
        loss: a function of the model and a batch.
        batches: of this rank.
        validator: measures the model; None for no validation.
        budget: how long it goes on.
        optimization: how it is trained.
        habits: what else is done.
        ranks: the processes that train together.
        seed: of random numbers that are drawn in the loss.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Any, Data], Tensor],
        batches: Batches,
        validator: Validator | None,
        budget: Budget,
        optimization: Optimization,
        habits: Habits,
        ranks: Ranks,
        seed: int,
    ) -> None:
        self.model, self.loss, self.batches, self.validator = model, loss, batches, validator
        self.budget, self.optimization, self.habits, self.ranks, self.seed = budget, optimization, habits, ranks, seed
        self.device = next(model.parameters()).device
        self.optimizer = optimization.optimizer(model)
        self.average = None if optimization.ema is None else ExponentialMovingAverage(model, optimization.ema)
        self.report = TrainingReport()
        self._check_values = ValueCheck(loss, "data")
        if validator is None:
            habits.check_without_validation()
        self._every = habits.validate_every or batches.per_epoch or _STEPS_WITHOUT_EPOCHS
        self._pictured = [] if validator is None else validator.molecules(habits.pictures)
        budget.steps(batches.per_epoch)
        self._best: dict[str, Tensor] = {}
        self._log: TrainingLog | None = None
        self._written = time.monotonic()
        self._training = {} if habits.folder is None else self._described()

    def resume(self) -> None:
        """Go on from the checkpoint in the folder, if there is one.

        Raises:
            ValueError: it is of another training, or damaged.
        """
        path = None if self.habits.folder is None else self.habits.folder / CHECKPOINT
        if path is None or not path.exists():
            return
        state = read_state(path, self._training)
        self.model.load_state_dict(state.model)
        set_optimizer_tensors(self.optimizer, self.model, state.optimizer)
        if self.average is not None:
            self.average.load(state.average)
        self._best = state.best
        self.report = TrainingReport(state.losses, state.seconds, state.validations, state.ended)
        goes_on = {"seconds": True, "budget": self._share() < 1, "patience": not self._has_waited()}
        if goes_on.get(state.ended, False):
            self.report.ended = ""

    def begin_anew(self) -> None:
        """Remove the checkpoint in the folder: a run that is killed before its first one is not to go on from it."""
        if self.habits.folder is not None and self.ranks.is_first:
            (self.habits.folder / CHECKPOINT).unlink(missing_ok=True)

    def go_on(self, show: Show) -> TrainingReport:
        """Take the steps that are left, and leave the model with its best parameters, in evaluation mode.

        Raises:
            FloatingPointError: the loss or its gradient is not finite; the model has its best parameters so far.
            KeyboardInterrupt, SystemExit: the run was interrupted; likewise.
        """
        folder = self.habits.folder
        if folder is not None and self.ranks.is_first:
            self._log = TrainingLog(folder, self.report.steps, self.habits.tensorboard)
        try:
            with interruptible() as interruption:
                self._steps(show, interruption)
            self._finish()
        except FloatingPointError:
            self._take_best()
            raise
        finally:
            if self._log is not None:
                self._log.close()
        if interruption.requested:
            interruption.raise_again(self._how_to_go_on())
        return self.report

    def _steps(self, show: Show, interruption: Interruption) -> None:
        report, begin, before = self.report, time.perf_counter(), self.report.seconds
        report.ended = report.ended or self._end(0.0)
        self.model.train()
        stream = self.batches.from_step(report.steps)
        while not report.ended:
            with RandomStream(self._step_seed()).active():
                report.losses.append(self._step(next(stream)))
            seconds, stop = self._agreed(time.perf_counter() - begin, interruption)
            report.seconds = before + seconds
            report.ended = self._end(seconds)
            at_end = report.ended == "budget"
            if self.validator is not None and (at_end or report.steps % self._every == 0):
                self._validate()
            elif self._log is not None and report.steps % _LOG_EVERY == 0:
                self._log.add(self._row())
            if time.monotonic() - self._written > self.habits.checkpoint_seconds:
                self._checkpoint()
            show(report, self._share())
            if stop:
                break

    def _end(self, seconds: float) -> str:
        """Why the run ends now, after this call's ``seconds``; empty if it does not."""
        if self._share() >= 1:
            return "budget"
        return "seconds" if self.budget.is_late(seconds) else ""

    def _share(self) -> float:
        return self.budget.share(self.report.steps, self.report.seconds, self.batches.per_epoch)

    def _step_seed(self) -> int:
        """Of what the loss draws besides the frames of molecules."""
        return int(draw_seeds(self.seed, self.report.steps, torch.tensor([-1 - self.ranks.rank])))

    def _step(self, batch: Data) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.optimization.lr_at(self._share())
        self.optimizer.zero_grad(set_to_none=True)
        batch = batch.to(self.device)
        self._check_values(self.model, batch)
        with self.optimization.autocast(self.device):
            value = checked_loss(self.loss(self.model, batch))
        weight = getattr(batch, "rank_weight", None)
        value = value if weight is None else value * weight.to(value).squeeze()
        value.backward()
        mean = self.ranks.average_gradients(self.model, value)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.optimization.clip)
        loss, size = torch.stack([in_widest_type(one.to(mean.device)) for one in (mean, norm)]).tolist()
        for name, number in (("loss", loss), ("gradient of the loss", size)):
            if not math.isfinite(number):
                raise FloatingPointError(
                    f"{name}: expected a finite number, got {number} at step {self.report.steps}; use lr below "
                    f"{self.optimization.lr} or check the data and the loss"
                )
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.report.steps + 1)
        return loss

    def _agreed(self, seconds: float, interruption: Interruption) -> tuple[float, bool]:
        """The latest clock of all ranks, and whether any was asked to stop, by which all are interrupted."""
        if self.ranks.count == 1:
            return seconds, interruption.requested
        device = device_with_double(self.device)
        own = torch.tensor([seconds, float(interruption.signal or 0)], dtype=torch.float64, device=device)
        latest, signal = self.ranks.largest(own).tolist()
        interruption.signal = int(signal) or interruption.signal
        self.ranks.merge_domains(self.model)
        return latest, bool(signal)

    def _validate(self) -> None:
        assert self.validator is not None
        best = self.report.best
        with nullcontext() if self.average is None else self.average.swapped():
            validation = self.validator(self.model, self.report.steps, self.ranks, self.device)
            if best is None or validation.loss < best.loss:
                self._best = {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}
                self._save_model()
            self._draw()
        self.report.validations.append(validation)
        if self._has_waited():
            self.report.ended = self.report.ended or "patience"
        if self._log is not None:
            quality = {"psnr": validation.psnr, "psnr_occupied": validation.psnr_occupied}
            self._log.add({**self._row(), "valid_loss": validation.loss, **quality})
        self._checkpoint()

    def _has_waited(self) -> bool:
        """Whether as many validations as patience allows came after the best one."""
        losses = [one.loss for one in self.report.validations]
        if self.habits.patience is None or not losses:
            return False
        return len(losses) - 1 - losses.index(min(losses)) >= self.habits.patience

    def _draw(self) -> None:
        folder, model = self.habits.folder, self.model
        if folder is None or not self.ranks.is_first or not isinstance(model, FieldAutoEncoder):
            return
        if self._pictured and isinstance(model.mol_field, MolField):
            save_reconstructions(model, model.mol_field, self._pictured, folder / "pictures", self.report.steps)

    def _checkpoint(self) -> None:
        self._written = time.monotonic()
        if self.habits.folder is None or not self.ranks.is_first or not self.batches.resumable:
            return
        state = TrainingState(
            self.model.state_dict(),
            optimizer_tensors(self.optimizer, self.model),
            {} if self.average is None else self.average.averages,
            self._best,
            self.report.losses,
            self.report.seconds,
            self.report.validations,
            self.report.ended,
        )
        write_state(self.habits.folder / CHECKPOINT, self._training, state)

    def _described(self) -> dict[str, Any]:
        """What tells this training from others, as JSON values.

        Raises:
            ValueError: the model cannot be saved.
        """
        return {
            "model": describe_model(self.model)[0],
            "tensors": {name: list(value.shape) for name, value in self.model.state_dict().items()},
            **describe_loss(self.loss),
            "data": self.batches.described(),
            "valid": None if self.validator is None else self.validator.described(),
            "optimization": self.optimization.described(),
            "seed": self.seed,
        }

    def _finish(self) -> None:
        """Keep what there is, and leave the model with its best parameters, in evaluation mode."""
        self._checkpoint()
        self._take_best()
        self._save_model()
        self.ranks.barrier()

    def _take_best(self) -> None:
        """Give the model its best parameters, and leave it in evaluation mode."""
        if self._best:
            self.model.load_state_dict(self._best)
        elif self.average is not None:
            self.model.load_state_dict(self.average.averages, strict=False)
        self.model.eval()

    def _save_model(self) -> None:
        folder = self.habits.folder
        if folder is not None and self.ranks.is_first and isinstance(self.model, FieldAutoEncoder):
            self.model.save(folder / TENSORS)

    def _row(self) -> dict[str, float]:
        """What the log says of the last step."""
        report, per_epoch = self.report, self.batches.per_epoch
        recent = report.losses[-_LOG_EVERY:]
        return {
            "step": report.steps,
            "epoch": math.nan if per_epoch is None else report.steps / per_epoch,
            "seconds": report.seconds,
            "lr": self.optimizer.param_groups[0]["lr"],
            "loss": sum(recent) / len(recent),
        }

    def _how_to_go_on(self) -> str:
        """What to say of an interrupted run."""
        best = self.report.best
        kept = "the last parameters" if best is None else f"the best parameters, those of step {best.step}"
        text = f"interrupted after step {self.report.steps}; the model has {kept}"
        if self.habits.folder is not None and self.batches.resumable:
            text += f"; give folder={str(self.habits.folder)!r} again to go on"
        return text
