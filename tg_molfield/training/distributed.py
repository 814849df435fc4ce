"""What training on several ranks needs: molecules counted once, and gradients of all parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data.distributed import DistributedSampler


def is_counted(loader: Any, start: int, num_graphs: int) -> tuple[Tensor, int]:
    """Which molecules of a batch are no repetitions, and how many items of the data set the batch is.

    A `DistributedSampler` repeats items so that all ranks have as many; they come last.

    Args:
        loader: the data loader of this rank.
        start: how many items it gave before.
        num_graphs: the number B of molecules in the batch.

    Returns:
        ``[B]`` bool, and the number of items: B, or 1 for a loader whose items are batches.
    """
    items = 1 if getattr(loader, "batch_sampler", None) is None else num_graphs
    for owner in (loader, getattr(loader, "batch_sampler", None)):
        sampler = getattr(owner, "sampler", None)
        if isinstance(sampler, DistributedSampler):
            place = sampler.rank + (start + torch.arange(items)) * sampler.num_replicas
            return (place < len(sampler.dataset)).expand(num_graphs), items  # type: ignore[arg-type]
    return torch.ones(num_graphs, dtype=torch.bool), items


def unreached_parameters(value: Tensor, model: nn.Module) -> set[nn.Parameter]:
    """The parameters that require gradients and that ``value`` does not depend on."""
    reached, seen, waiting = set(), set(), [value.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        reached.add(getattr(node, "variable", None))
        waiting.extend(following for following, _ in node.next_functions)
    return {parameter for parameter in model.parameters() if parameter.requires_grad and parameter not in reached}


def joined_with_zero(value: Tensor, parameters: set[nn.Parameter]) -> Tensor:
    """``value``, whose gradients by ``parameters`` are zeros: `DistributedDataParallel` waits for all of them."""
    return value + sum(parameter.flatten()[:0].sum() for parameter in parameters)
