"""Batches for a Trainer: those of training follow how many it has taken, those of evaluation are always the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader
from torch_geometric.data import Data

from tg_molfield.training.batches import Batches
from tg_molfield.training.drawn import DrawnMolecules
from tg_molfield.training.order import BatchOrder

_EPOCH = -1
"""The epoch of the draws of evaluation."""


class TrainingLoader:
    """The batches of one rank that follow those that the trainer has taken: in any epoch, resumed anywhere.

    The stream goes on over the ends of epochs, so that workers read ahead. It is no ``DataLoader``, of which Lightning
    would replace the sampler, and asks for its place when the first batch of an epoch is taken, since Lightning makes
    the iterator before it has restored a checkpoint.

    Args:
        batches: with epochs.
        taken: the place of the next batch: how many the trainer has taken in all epochs.
    """

    def __init__(self, batches: Batches, taken: Callable[[], int]) -> None:
        self._batches, self._taken = batches, taken
        self._stream: Iterator[Data] | None = None
        self._step = 0

    def __len__(self) -> int:
        """The batches of an epoch."""
        assert self._batches.per_epoch is not None
        return self._batches.per_epoch

    def __iter__(self) -> Iterator[Data]:
        step = self._taken()
        if self._stream is None or step != self._step:
            self._stream, self._step = self._batches.from_step(step), step
        while True:
            self._step += 1
            yield next(self._stream)

    def close(self) -> None:
        """End the processes that load data."""
        self._stream = None

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the trainer knows the place. Lightning asks for it."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See :meth:`state_dict`."""


class EvaluationLoader:
    """The batches of one rank of a data set in its order, with the same query points every time.

    Args:
        molecules: of the data set.
        batch_size: molecules in a batch, of all ranks together.
        num_workers: processes that load them.
    """

    def __init__(self, molecules: DrawnMolecules, batch_size: int, num_workers: int) -> None:
        self._order = BatchOrder(len(molecules), batch_size, shuffle=False)
        self._order.set_epoch(_EPOCH)
        self._loader = DataLoader(
            molecules,
            batch_size=None,
            sampler=self._order,
            num_workers=num_workers,
            generator=torch.Generator(),
        )

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Data]:
        return iter(self._loader)
