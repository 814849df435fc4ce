"""Each channel of each molecule as a graph of its own, so that what is found by channel is found for all at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from tg_molfield.fields.engine import Members, graph_sizes


@dataclass(frozen=True)
class ChannelGraphs:
    """The graphs of B molecules in C channels: those of a molecule one after the other.

    Attributes:
        source: [M]: the centre that each centre of these graphs is.
        channel: [M]: in which channel.
        owner: [M]: in which graph, sorted.
        place: [Q, C]: which of the points of these graphs each point is in each channel.
        counts: how many points each graph has [B·C].
    """

    source: Tensor
    channel: Tensor
    owner: Tensor
    place: Tensor
    counts: Tensor

    @classmethod
    def of(cls, weights: Tensor, owner: Tensor, batch: Tensor, num_graphs: int) -> ChannelGraphs:
        """The graphs of centres in the channels where their weights are not 0.

        Args:
            weights: [N, C].
            owner: molecule of each centre [N], sorted.
            batch: molecule of each point [Q], sorted.
            num_graphs: B.
        """
        channels = weights.size(1)
        source, channel = (weights != 0).nonzero(as_tuple=True)
        graph, order = (owner[source] * channels + channel).sort(stable=True)
        counts = graph_sizes(batch, num_graphs)
        before = (counts.cumsum(0) - counts)[batch] * (channels - 1) + torch.arange(len(batch), device=batch.device)
        place = before[:, None] + torch.arange(channels, device=batch.device) * counts[batch][:, None]
        return cls(source[order], channel[order], graph, place, counts.repeat_interleave(channels))

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def point(self) -> Tensor:
        """The point [Q·C] that each point of these graphs is."""
        every = torch.arange(len(self.place), device=self.place.device)
        return torch.empty_like(self.place.flatten()).scatter_(
            0, self.place.flatten(), every.repeat_interleave(self.place.size(1))
        )

    @cached_property
    def batch(self) -> Tensor:
        """The graph [Q·C] of each point of these graphs, sorted."""
        return torch.repeat_interleave(self.counts, output_size=self.place.numel())

    def members(self, owner: Tensor) -> Members:
        """The numbers of centres, of graphs ``owner``, and of points."""
        return Members.of(graph_sizes(owner, len(self)), self.counts)

    def widths(self, widths: Tensor) -> Tensor:
        """The widths [M] of these graphs' centres, of widths [N] or [N, C]."""
        return widths[self.source] if widths.ndim == 1 else widths[self.source, self.channel]
