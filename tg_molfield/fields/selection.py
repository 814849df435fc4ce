"""`ChannelSelection`: some channels of a field."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor

from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.interpolation import Periodic
from tg_molfield.fields.volume import Volume


@final
class ChannelSelection(Field):
    """Some of the channels of a field, in a given order."""

    def __init__(self, field: Field, indices: list[int]) -> None:
        self._field = field
        self._indices = indices
        self._atoms, self._mol_field = field.atoms, field.mol_field

    @property
    def base(self) -> Field:
        """The field that the channels are taken from."""
        return self._field

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(self._field.channels[index] for index in self._indices)

    @property
    def num_graphs(self) -> int:
        return self._field.num_graphs

    @property
    def dtype(self) -> torch.dtype:
        return self._field.dtype

    @property
    def device(self) -> torch.device:
        return self._field.device

    def _quick_centers(self) -> Tensor | None:
        return self._field._quick_centers()

    def __repr__(self) -> str:
        return f"ChannelSelection({self._field!r}, {' '.join(self.channels)})"

    def unbatch(self) -> list[ChannelSelection]:
        graphs = [ChannelSelection(field, self._indices) for field in self._field.unbatch()]
        return self._annotated_each(graphs)

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> ChannelSelection:
        selection = ChannelSelection(self._field._mapped(change), self._indices)
        return self._annotated(selection).with_atoms(self.atoms and self.atoms.mapped(change))

    def on(self, grid: Grid) -> Volume:
        self._require_one("on", grid)
        return self._volume(self._field.on(grid).values[self._indices], grid)

    def _repeating_axes(self, grid: Grid, graph: int = 0) -> Periodic:
        return self._field._repeating_axes(grid, graph)

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._field(pos, batch)[:, self._indices]

    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._field.gradient(pos, batch)[:, self._indices]

    def laplacian(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._field.laplacian(pos, batch)[:, self._indices]
