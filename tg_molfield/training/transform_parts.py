"""The transforms that the molecules of a training pass through."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import ConcatDataset, Subset
from torch_geometric.transforms import Compose

from tg_molfield.fields import MolField
from tg_molfield.transforms import MolFieldTransform


def parts_of(transform: Any) -> list[Any]:
    """The transforms that ``transform`` consists of; none if it is None."""
    if isinstance(transform, Compose):
        return [part for one in transform.transforms for part in parts_of(one)]
    return [] if transform is None else [transform]


def transforms_of(data: Any) -> list[Any]:
    """Those of a data set, or of the data sets that it was made of."""
    if isinstance(data, Subset):
        return transforms_of(data.dataset)
    if isinstance(data, ConcatDataset):
        return [part for one in data.datasets for part in transforms_of(one)]
    return parts_of(getattr(data, "transform", None))


def told(parts: list[Any]) -> list[str]:
    """Transforms in words that are the same in other processes: those of a `MolField` as a whole, others by name."""
    return [repr(part) if isinstance(part, MolFieldTransform) else _name(part) for part in parts]


def _name(part: Any) -> str:
    return str(getattr(part, "__qualname__", type(part).__qualname__))


def check_no_generators(data: Any) -> None:
    """Raise a ValueError where a transform of a data set draws from a generator of its own."""
    for part in transforms_of(data):
        if isinstance(getattr(part, "generator", None), torch.Generator):
            raise ValueError(
                f"data.transform: expected no seed or generator in {type(part).__name__}, since the draws are "
                "functions of the seed of the training, got one; leave it out"
            )


def check_definition(name: str, parts: list[Any], definition: Any) -> None:
    """Raise a ValueError where a `MolFieldTransform` among ``parts`` gives values of another definition.

    Args:
        name: of the argument that they come from.
        parts: transforms.
        definition: of the model; nothing is checked unless it is a `MolField`.
    """
    for part in parts:
        if isinstance(definition, MolField) and isinstance(part, MolFieldTransform) and part.mol_field != definition:
            raise ValueError(
                f"{name}: expected values of the model's {definition!r}, got those of {part.mol_field!r}; build the "
                "model with that definition, or leave it out"
            )
