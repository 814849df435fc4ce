"""`BatchOrder`: which molecules a rank takes of each batch, as a function of the seed and the epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data.distributed import DistributedSampler

from tg_molfield.arguments import check_integers, check_seed
from tg_molfield.random_draws import draw_seeds


class Share(NamedTuple):
    """What a rank takes of a batch.

    Attributes:
        epoch: from 0.
        step: the batch's place in the epoch, from 0.
        items: positions in the data set [n] int64, at least one.
        weight: what the mean over these items counts in the mean over all ranks: 1 where all have as many, 0 for an
            item that another rank has and that fills an empty share.
    """

    epoch: int
    step: int
    items: Tensor
    weight: float


class BatchOrder(DistributedSampler):
    """The shares of one rank in the batches of an epoch, for a ``DataLoader(..., sampler=order, batch_size=None)``.

    All ranks together take each batch once: as many ranks as there may be, the batches are the same. It is a
    `DistributedSampler` because Lightning leaves these as they are, and tells them the epoch.

    Args:
        num_items: the size of the data set.
        batch_size: molecules in a batch, of all ranks together; the last batch of an epoch may be smaller.
        seed: of the order.
        shuffle: whether the order is random, and another in each epoch.
        rank: this process; by default that of ``torch.distributed``, 0 without.
        num_ranks: all processes, likewise.

    Raises:
        ValueError: there are no items, or a batch has fewer than there are ranks.
    """

    def __init__(
        self,
        num_items: int,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        rank: int | None = None,
        num_ranks: int | None = None,
    ) -> None:
        check_integers(num_items=num_items, batch_size=batch_size)
        check_seed(seed)
        there = torch.distributed.is_available() and torch.distributed.is_initialized()
        rank = (torch.distributed.get_rank() if there else 0) if rank is None else rank
        num_ranks = (torch.distributed.get_world_size() if there else 1) if num_ranks is None else num_ranks
        if num_items < 1:
            raise ValueError("data: expected at least one molecule, got none; check where they come from")
        if batch_size < num_ranks:
            raise ValueError(
                f"batch_size: expected at least {num_ranks}, one molecule for each process, got {batch_size}; give more"
            )
        super().__init__(range(num_items), num_ranks, rank, shuffle, seed)  # type: ignore[arg-type]
        self.num_items, self.batch_size = num_items, batch_size
        self.first = 0
        """The batch that the next epoch to be iterated begins with, which a resumed run sets."""

    def __len__(self) -> int:
        """The batches of an epoch."""
        return -(-self.num_items // self.batch_size)

    def __iter__(self) -> Iterator[Share]:
        first, self.first = self.first, 0
        order = self._order()
        for step in range(first, len(self)):
            batch = order[step * self.batch_size : (step + 1) * self.batch_size]
            own = batch[self.rank :: self.num_replicas]
            weight = len(own) * self.num_replicas / len(batch)
            yield Share(self.epoch, step, own if len(own) else batch[:1], weight)

    def _order(self) -> Tensor:
        if not self.shuffle:
            return torch.arange(self.num_items)
        seed = int(draw_seeds(self.seed, self.epoch, torch.tensor([-1])))
        return torch.randperm(self.num_items, generator=torch.Generator().manual_seed(seed))
