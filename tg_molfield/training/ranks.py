"""`Ranks`: the processes that train a model together, and what they tell each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from tg_molfield.nn.domain import Domain

Value = TypeVar("Value")


@dataclass(frozen=True)
class Ranks:
    """The processes that train a model together.

    Attributes:
        rank: of this process, from 0.
        count: of all.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def summed(self, values: Tensor) -> Tensor:
        """The sums over all ranks."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def largest(self, values: Tensor) -> Tensor:
        """The largest of each over all ranks."""
        if self.count > 1:
            distributed.all_reduce(values, distributed.ReduceOp.MAX)
        return values

    def gathered(self, value: Value) -> list[Value]:
        """What each rank gives."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        distributed.all_gather_object(values, value)
        return values

    def barrier(self) -> None:
        """Wait for all."""
        if self.count > 1:
            distributed.barrier()

    def average_gradients(self, model: nn.Module, value: Tensor) -> Tensor:
        """Replace all gradients by their means over the ranks, and give the mean [] of the losses ``value`` [].

        Parameters that no rank's loss reached keep no gradient.
        """
        if self.count == 1:
            return value.detach()
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        reached = value.new_tensor([float(parameter.grad is not None) for parameter in parameters])
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        parts = [value.detach().view(1), reached, *(gradient.flatten() for gradient in gradients)]
        kind = reduce(torch.promote_types, (part.dtype for part in parts), torch.float32)
        flat = torch.cat([part.to(kind) for part in parts])
        flat = self.summed(flat).div_(self.count)
        loss, reached, rest = flat.split([1, len(parameters), len(flat) - 1 - len(parameters)])
        means = rest.split([parameter.numel() for parameter in parameters])
        for parameter, part, share in zip(parameters, means, reached.tolist(), strict=True):
            parameter.grad = part.view_as(parameter).to(parameter.dtype) if share else None
        return loss.squeeze(0)

    def merge_domains(self, model: nn.Module) -> None:
        """Let all ranks know the elements and sizes of molecules that any has seen."""
        if self.count == 1:
            return
        for module in model.modules():
            if isinstance(module, Domain):
                seen = self.largest(torch.cat([module.seen.long(), module.size.view(1)]))
                module.seen.copy_(seen[:-1] > 0)
                module.size.copy_(seen[-1])


@contextmanager
def joined_ranks(device: torch.device) -> Iterator[Ranks]:
    """All processes that ``torchrun`` or Slurm's ``srun`` with its variables started, joined if they are not yet."""
    launched = int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ
    own = launched and distributed.is_available() and not distributed.is_initialized()
    if own:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        there = distributed.is_available() and distributed.is_initialized()
        yield Ranks(distributed.get_rank(), distributed.get_world_size()) if there else Ranks()
    finally:
        if own:
            distributed.destroy_process_group()
