"""Fields made of fields: a linear combination, and a selection of channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import Tensor

from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.volume import Volume


@final
class LinearCombination(Field):
    """Σ factor_i · field_i, for fields of the same channels.

    Raises:
        ValueError: the channels or the numbers of functions differ.
    """

    def __init__(self, fields: Sequence[Field], factors: Sequence[float]) -> None:
        first = fields[0]
        for other in fields[1:]:
            if other.channels != first.channels:
                raise ValueError(f"the channels differ: {', '.join(first.channels)} and {', '.join(other.channels)}")
            if other.num_graphs != first.num_graphs:
                raise ValueError(f"one field holds {first.num_graphs} functions, the other {other.num_graphs}")
        self._fields = tuple(fields)
        self._factors = tuple(factors)
        self._atoms = next((field.atoms for field in fields if field.atoms is not None), None)

    @property
    def channels(self) -> tuple[str, ...]:
        return self._fields[0].channels

    @property
    def num_graphs(self) -> int:
        return self._fields[0].num_graphs

    @property
    def dtype(self) -> torch.dtype:
        return self._fields[0].dtype

    @property
    def device(self) -> torch.device:
        return self._fields[0].device

    def __repr__(self) -> str:
        terms = (f"{factor:g}·{field!r}" for factor, field in zip(self._factors, self._fields, strict=True))
        return f"LinearCombination({' + '.join(terms)})"

    def unbatch(self) -> list[LinearCombination]:
        graphs = zip(*(field.unbatch() for field in self._fields), strict=True)
        return [LinearCombination(fields, self._factors) for fields in graphs]

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> LinearCombination:
        parts = LinearCombination([field._mapped(change) for field in self._fields], self._factors)
        return parts.with_atoms(self.atoms and self.atoms.mapped(change))

    def on(self, grid: Grid) -> Volume:
        self._require_single("on")
        values = self._sum([field.on(grid).values for field in self._fields])
        return Volume(values, grid, self.channels, atoms=self.atoms)

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._sum([field(pos, batch) for field in self._fields])

    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._sum([field.gradient(pos, batch) for field in self._fields])

    def laplacian(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._sum([field.laplacian(pos, batch) for field in self._fields])

    def _sum(self, terms: list[Tensor]) -> Tensor:
        total = self._factors[0] * terms[0]
        for factor, term in zip(self._factors[1:], terms[1:], strict=True):
            total = total + factor * term
        return total


@final
class ChannelSelection(Field):
    """Some of the channels of a field, in a given order."""

    def __init__(self, field: Field, indices: list[int]) -> None:
        self._field = field
        self._indices = indices
        self._atoms = field.atoms

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

    def __repr__(self) -> str:
        return f"ChannelSelection({self._field!r}, {' '.join(self.channels)})"

    def unbatch(self) -> list[ChannelSelection]:
        return [ChannelSelection(field, self._indices) for field in self._field.unbatch()]

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> ChannelSelection:
        whole = ChannelSelection(self._field._mapped(change), self._indices)
        return whole.with_atoms(self.atoms and self.atoms.mapped(change))

    def on(self, grid: Grid) -> Volume:
        self._require_single("on")
        return Volume(self._field.on(grid).values[self._indices], grid, self.channels, atoms=self.atoms)

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._field(pos, batch)[:, self._indices]

    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._field.gradient(pos, batch)[:, self._indices]

    def laplacian(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._field.laplacian(pos, batch)[:, self._indices]
