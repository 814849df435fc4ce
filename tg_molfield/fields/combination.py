"""`LinearCombination`: a weighted sum of fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tg_molfield.fields.field import Field
from tg_molfield.fields.grid import Grid
from tg_molfield.fields.interpolation import Periodic
from tg_molfield.fields.volume import Volume


class LinearCombination(Field):
    """Σ factor_i · field_i, for fields of the same channels.

    Raises:
        ValueError: the channels, the numbers of functions, the types or the devices differ.
    """

    def __init__(self, fields: Sequence[Field], factors: Sequence[float]) -> None:
        first = fields[0]
        for other in fields[1:]:
            if other.channels != first.channels:
                raise ValueError(
                    f"channels: expected {', '.join(first.channels)} in all fields, got {', '.join(other.channels)}; "
                    "select them with field[names]"
                )
            if other.num_graphs != first.num_graphs:
                raise ValueError(
                    f"num_graphs: expected {first.num_graphs} in all fields, got {other.num_graphs}; combine "
                    "fields of the same molecules"
                )
            if other.dtype != first.dtype or other.device != first.device:
                raise ValueError(
                    f"fields: expected {first.dtype} on {first.device} in all fields, got {other.dtype} on "
                    f"{other.device}; convert them with field.to()"
                )
        self._fields = tuple(fields)
        self._factors = tuple(factors)
        self._atoms = next((field.atoms for field in fields if field.atoms is not None), None)

    @property
    def terms(self) -> tuple[Field, ...]:
        """The fields that are added."""
        return self._fields

    @property
    def factors(self) -> tuple[float, ...]:
        """The factor of each field."""
        return self._factors

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
        return self._annotated_each([LinearCombination(fields, self._factors) for fields in graphs])

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> LinearCombination:
        terms = LinearCombination([field._mapped(change) for field in self._fields], self._factors)
        return self._annotated(terms).with_atoms(self.atoms and self.atoms.mapped(change))

    def on(self, grid: Grid) -> Volume:
        self._require_one("on", grid)
        self._require_fit([grid], copies=len(self._fields) + 1)
        return self._volume(self._sum([field.on(grid).values for field in self._fields]), grid)

    def _repeating_axes(self, grid: Grid, graph: int = 0) -> Periodic:
        x, y, z = (
            all(axis) for axis in zip(*(field._repeating_axes(grid, graph) for field in self._fields), strict=True)
        )
        return (x, y, z)

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
