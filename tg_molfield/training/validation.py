"""`Validator`: how good a model is on molecules that it is not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch_geometric.data import Data

from tg_molfield.devices import device_with_double, in_double
from tg_molfield.nn import FieldAutoEncoder, Latent
from tg_molfield.nn.checks import count_graphs
from tg_molfield.nn.evaluation import evaluating
from tg_molfield.random_stream import RandomStream
from tg_molfield.training.drawn import DrawnMolecules
from tg_molfield.training.losses import loss_of
from tg_molfield.training.order import Share
from tg_molfield.training.ranks import Ranks
from tg_molfield.training.value_check import ValueCheck

_EPOCH = -1
"""The epoch of the draws of validation: the same points every time."""


@dataclass(frozen=True)
class Validation:
    """How good a model was after a step, on molecules that it is not trained on; means over them.

    Attributes:
        step: the number of steps.
        loss: that of the training, in evaluation mode.
        psnr: over all query points in dB, see `FieldAutoEncoder.test`; NaN where there are none.
        psnr_occupied: over occupied ones.
    """

    step: int
    loss: float
    psnr: float = math.nan
    psnr_occupied: float = math.nan


class Validator:
    """Measures a model on a data set, shared by all ranks.

    Args:
        data: molecules; or an iterable of batches, which every rank goes through.
        loss: a function of a model and a batch.
        batch_size: molecules in a batch of a data set.
        seed: of the query points.
    """

    def __init__(
        self,
        data: DrawnMolecules | Iterable[Data],
        loss: Callable[[Any, Data], Tensor],
        batch_size: int,
        seed: int,
    ) -> None:
        self._data, self._loss, self._batch_size, self._seed = data, loss, batch_size, seed
        self._check_values = ValueCheck(loss, "valid")

    def described(self) -> dict[str, Any]:
        """What tells the molecules from others, as JSON values; of batches their kind alone."""
        if isinstance(self._data, DrawnMolecules):
            return {f"{name} of valid": value for name, value in self._data.described().items()}
        return {"batches of valid": type(self._data).__name__}

    def molecules(self, count: int) -> list[Data]:
        """The first molecules, at most ``count``.

        Raises:
            ValueError: there are batches instead.
        """
        if count and not isinstance(self._data, DrawnMolecules):
            raise ValueError("pictures: expected 0 for batches that are ready, got more; give molecules as valid")
        return self._data.molecules(count) if isinstance(self._data, DrawnMolecules) else []

    @torch.no_grad()
    def __call__(self, model: nn.Module, step: int, ranks: Ranks, device: torch.device) -> Validation:
        """The means over all molecules.

        Raises:
            ValueError: there are no molecules.
            FloatingPointError: the loss is not finite.
        """
        sums = torch.zeros(6, dtype=torch.float64)
        with evaluating(model), RandomStream(self._seed).active():
            for batch in self._batches(ranks):
                sums += self._measured(model, batch.to(device))
        if not isinstance(self._data, DrawnMolecules):
            ranks = Ranks()
        count, loss, *quality = ranks.summed(sums.to(device_with_double(device))).tolist()
        if not count:
            raise ValueError("valid: expected at least one molecule, got none; leave it out or give some")
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"valid: expected a finite loss after step {step}, got {loss / count}; look for NaN among the molecules"
            )
        known, psnr, known_occupied, occupied = quality
        return Validation(
            step,
            loss / count,
            psnr / known if known else math.nan,
            occupied / known_occupied if known_occupied else math.nan,
        )

    def _batches(self, ranks: Ranks) -> Iterable[Data]:
        if not isinstance(self._data, DrawnMolecules):
            return self._data
        own = torch.arange(ranks.rank, len(self._data), ranks.count)
        shares = [Share(_EPOCH, step, items, 1.0) for step, items in enumerate(own.split(self._batch_size))]
        return DataLoader(self._data, batch_size=None, sampler=shares if len(own) else [], generator=torch.Generator())

    def _measured(self, model: nn.Module, batch: Data) -> Tensor:
        """The number of molecules and the sum of the loss; of both ratios the known ones and their sum: [6] float64."""
        self._check_values(model, batch)
        size = count_graphs(batch)
        sums = torch.zeros(6, dtype=torch.float64)
        latent, loss = self._judged(model, batch)
        sums[0], sums[1] = size, float(loss) * size
        if latent is not None:
            assert isinstance(model, FieldAutoEncoder)
            quality = model.psnr(latent, batch.query_pos, batch.field, getattr(batch, "query_batch", None))
            for place, values in ((2, quality.all_points), (4, quality.occupied)):
                known = in_double(values[~values.isnan()])
                sums[place], sums[place + 1] = len(known), float(known.sum())
        return sums

    def _judged(self, model: nn.Module, batch: Data) -> tuple[Latent | None, Tensor]:
        """The latents, where the batch has samples of fields, and the loss."""
        if not (isinstance(model, FieldAutoEncoder) and "query_pos" in batch and "field" in batch):
            return None, self._loss(model, batch)
        latent = model.encode(batch)
        return latent, loss_of(self._loss, model, latent, batch)
