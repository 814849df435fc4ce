"""`AtomList`: the atoms of a field or a volume, kept so that files and plots can show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.arguments import check_kind


class AtomList(NamedTuple):
    """Atomic numbers ``z`` [N] (int64), positions ``pos`` [N, 3] in Å, and ``batch`` [N] for several graphs."""

    z: Tensor
    pos: Tensor
    batch: Tensor | None = None

    def mapped(self, change: Callable[[Tensor], Tensor]) -> AtomList:
        """The atoms with ``change`` applied to every tensor."""
        return AtomList(change(self.z), change(self.pos), None if self.batch is None else change(self.batch))

    def of_graphs(self, num_graphs: int) -> list[AtomList]:
        """The atoms of each graph of a batch, which is sorted; all atoms for each if there is no batch."""
        if self.batch is None:
            return [self] * num_graphs
        counts = torch.bincount(self.batch, minlength=num_graphs).tolist()
        return [AtomList(z, pos) for z, pos in zip(self.z.split(counts), self.pos.split(counts), strict=True)]


def check_atom_list(atoms: object) -> None:
    """Raise a TypeError unless ``atoms`` are an `AtomList` or None."""
    check_kind("atoms", atoms, AtomList | None, "an AtomList", "give AtomList(data.z, data.pos)")
