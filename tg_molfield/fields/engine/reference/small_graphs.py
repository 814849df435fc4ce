"""Graphs of few centres, which are padded and evaluated together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from tg_molfield.devices import is_on_host, queued_to
from tg_molfield.fields.engine.reference.boxes import padded_groups

_CENTERS_ON_CPU, _CENTERS = 2**8, 2**11
"""The most centres of a small graph: beyond, it is quicker to look for those near each point."""
_PAIRS_ON_CPU, _PAIRS = 2**17, 2**24
"""Of a centre and a point, that are evaluated at once."""


@dataclass(frozen=True)
class Members:
    """How many centres and points graphs have that stand one after the other.

    Attributes:
        sizes: the number of centres of each graph.
        counts: the number of points of each graph.
        on_host: whether they are in the memory of the processor, where fewer are evaluated together.
    """

    sizes: Sequence[int]
    counts: Sequence[int]
    on_host: bool

    @classmethod
    def of(cls, sizes: Tensor, counts: Tensor) -> Members:
        """Those of numbers [B] that may be on a device; for both the host waits once."""
        of_centers, of_points = torch.stack([sizes, counts]).tolist()
        return cls(of_centers, of_points, is_on_host(sizes))

    def parts(self, small: bool) -> list[tuple[int, int, int, int]]:
        """Of each small, or large, graph with centres and points the numbers of these, each with the first of them."""
        first_centers, first_points = ([0, *accumulate(numbers)] for numbers in (self.sizes, self.counts))
        graphs = zip(self.sizes, first_centers, self.counts, first_points, strict=False)
        most = _CENTERS_ON_CPU if self.on_host else _CENTERS
        return [one for one in graphs if one[0] and one[2] and (one[0] <= most) == small]


class GraphValues:
    """Values at the points of graphs, gathered in any order.

    Args:
        none: [1, …], the value at points of graphs without centres.
        num_points: Q.
        device: of the points.
    """

    def __init__(self, none: Tensor, num_points: int, device: torch.device) -> None:
        self.num_points, self.device = num_points, device
        self._values, self._places = [none], [torch.full((1,), num_points, device=device)]

    def add(self, values: Tensor, first: int) -> None:
        """The values [q, …] at the points from ``first`` on."""
        self._values.append(values)
        self._places.append(torch.arange(first, first + len(values), device=self.device))

    def add_small(self, evaluate: Callable[[Tensor, Tensor], Tensor], members: Members) -> None:
        """The values at the points of all small graphs.

        Args:
            evaluate: takes centres [G, P] and points [G, T] of a group of graphs, padded with N and Q; gives [G, T, …].
            members: of all graphs.
        """
        pairs, num_centers = _PAIRS_ON_CPU if members.on_host else _PAIRS, sum(members.sizes)
        graphs = [
            (size, center, min(chunk, count - done), point + done)
            for size, center, count, point in members.parts(small=True)
            for chunk in [max(1, pairs // size)]
            for done in range(0, count, chunk)
        ]
        if not graphs:
            return
        table = torch.tensor(graphs, device="cpu").T
        for rows, longest in padded_groups(table[0], pairs // int(table[2].max())):
            some = table[:, rows]
            size, center, count, point = queued_to(some, self.device).unsqueeze(2)
            step, turn = (torch.arange(n, device=self.device) for n in (longest, int(some[2].max())))
            index = torch.where(step < size, center + step, num_centers)
            place = torch.where(turn < count, point + turn, self.num_points)
            self._values.append(evaluate(index, place).flatten(0, 1))
            self._places.append(place.flatten())

    def all(self) -> Tensor:
        """The values [Q, …]."""
        place = torch.cat(self._places)
        back = place.new_zeros(self.num_points + 1)
        back[place] = torch.arange(len(place), device=self.device)
        return torch.cat(self._values)[back[:-1]]
