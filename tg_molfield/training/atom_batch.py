"""Atoms of several molecules with their properties, which rotate and reflect together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.data import Data


@dataclass(frozen=True)
class AtomBatch:
    """The atoms of several molecules.

    Attributes:
        z: atomic numbers [N].
        pos: positions [N, 3] in Å.
        batch: the molecule of each atom [N], sorted.
        properties: scalars [N] or [N, 1] and vectors [N, 3], by name.
    """

    z: Tensor
    pos: Tensor
    batch: Tensor
    properties: dict[str, Tensor]

    def transformed(self, matrices: Tensor) -> AtomBatch:
        """The molecules rotated or reflected by the ``matrices`` [B, 3, 3]: positions and vectors, not scalars."""

        def transform(vectors: Tensor) -> Tensor:
            return torch.einsum("pij,pj->pi", matrices.to(vectors)[self.batch], vectors)

        properties = {
            name: transform(values) if _is_vector(values) else values for name, values in self.properties.items()
        }
        return AtomBatch(self.z, transform(self.pos), self.batch, properties)

    def select(self, index: Tensor) -> AtomBatch:
        """The atoms at ``index``, indices or a mask."""
        properties = {name: values[index] for name, values in self.properties.items()}
        return AtomBatch(self.z[index], self.pos[index], self.batch[index], properties)

    def merged(self, other: AtomBatch) -> AtomBatch:
        """The atoms of both, molecule by molecule."""
        properties = {name: torch.cat([values, other.properties[name]]) for name, values in self.properties.items()}
        order = torch.cat([self.batch, other.batch]).argsort(stable=True)
        both = AtomBatch(
            torch.cat([self.z, other.z]),
            torch.cat([self.pos, other.pos]),
            torch.cat([self.batch, other.batch]),
            properties,
        )
        return both.select(order)


def per_atom_property(molecules: Sequence[Data], name: str) -> Tensor:
    """The attribute ``name`` of the atoms of all molecules: scalars [N] or [N, 1], or vectors [N, 3].

    Raises:
        ValueError: a molecule lacks it or has it in another shape.
    """
    columns = []
    for index, data in enumerate(molecules):
        values, count = getattr(data, name, None), data.z.numel()
        if not isinstance(values, Tensor) or values.shape not in ((count,), (count, 1), (count, 3)):
            got = list(values.shape) if isinstance(values, Tensor) else "none"
            raise ValueError(
                f"molecules[{index}].{name}: expected a tensor [{count}] or [{count}, 3], got {got}; "
                "give one scalar or vector for each atom"
            )
        columns.append(values)
    if len({values.shape[1:] for values in columns}) > 1:
        raise ValueError(f"{name}: expected one shape in all molecules, got several; give scalars or vectors in all")
    return torch.cat(columns)


def _is_vector(values: Tensor) -> bool:
    return values.dim() == 2 and values.size(1) == 3
