"""Attributes of a `Batch` that come back with its molecules."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Batch


def add_separable(batch: Batch, graph: Tensor, **attributes: Tensor) -> None:
    """Set attributes of a batch, whose molecules get their rows by ``batch[i]`` and ``batch.to_data_list()``.

    What a loader with ``follow_batch`` tells of an attribute, such as ``query_pos_batch``, follows. An attribute with
    ``batch`` in its name is the molecule of each row, and counts from 0 in each molecule, as PyG collates it. Reads no
    number of a device.

    Args:
        batch: the batch; what is set replaces what it has of that name.
        graph: the molecule of each row [Q] int64, sorted.
        **attributes: [Q, …] each.
    """
    count = torch.zeros(batch.num_graphs + 1, dtype=torch.int64, device=graph.device)
    ends = count.scatter_add_(0, graph + 1, torch.ones_like(graph)).cumsum(0)
    for name, value in attributes.items():
        batch[name] = value
        for followed, content in ((f"{name}_batch", graph), (f"{name}_ptr", ends)):
            if followed in batch:
                batch[followed] = content
    if not hasattr(batch, "_slice_dict"):
        return
    first = torch.arange(batch.num_graphs)
    batch._slice_dict = {**batch._slice_dict, **dict.fromkeys(attributes, ends)}
    batch._inc_dict = {
        **batch._inc_dict,
        **{name: first if "batch" in name else torch.zeros_like(first) for name in attributes},
    }
