"""Fields made of fields: a linear combination, and a selection of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from tg_molfield.fields.field import Field


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

    def __call__(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._field(pos, batch)[:, self._indices]

    def gradient(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._field.gradient(pos, batch)[:, self._indices]

    def laplacian(self, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        return self._field.laplacian(pos, batch)[:, self._indices]
