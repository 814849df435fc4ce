"""A ``Data`` as bytes and text, without pickle."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor
from torch_geometric.data import Data

_PLAIN = (str, int, float, bool)
STORABLE = (*_PLAIN, Tensor, np.bool_, np.number)
"""What attributes may be; others are for ``pre_transform`` to convert."""
_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32)


class Packed(NamedTuple):
    """A ``Data``.

    Attributes:
        keys: the names of its attributes in alphabetical order, as JSON.
        tensors: its tensors in the format of safetensors.
        others: its texts and numbers, as JSON.
    """

    keys: str
    tensors: bytes
    others: str


def pack(data: Data) -> Packed:
    """The content of a ``Data``, without attributes that are None; ``z`` becomes int64, and a cell gets ``pbc``.

    Raises:
        TypeError: an attribute is neither a dense tensor, a text nor a number, or the class is batched in its own way.
    """
    _check_class(data)
    tensors: dict[str, Tensor] = {}
    others: dict[str, Any] = {}
    for name, value in data.to_dict().items():
        if isinstance(value, Tensor) and not value.is_sparse and not value.is_quantized:
            tensors[name] = value.detach().cpu().clone().contiguous()
        elif isinstance(value, np.bool_ | np.number):
            others[name] = value.item()
        elif isinstance(value, _PLAIN):
            others[name] = value
        elif value is not None:
            raise TypeError(
                f"{name}: expected a dense tensor, a text or a number, got {type(value).__name__}; convert it in "
                "pre_transform, or compute it in transform"
            )
    if "z" in tensors and tensors["z"].dtype in _INTEGERS:
        tensors["z"] = tensors["z"].long()
    if "cell" in tensors and "pbc" not in data:
        cell = tensors["cell"]
        tensors["pbc"] = torch.full(cell.shape[:-1], bool(cell.any()))
    keys = json.dumps(sorted([*tensors, *others]))
    return Packed(keys, save(tensors), json.dumps(others, sort_keys=True))


def _check_class(data: Data) -> None:
    """Refuse a ``Data`` whose class says how it is batched, as a plain ``Data`` is read in its place."""
    kind = type(data)
    for name in ("__inc__", "__cat_dim__"):
        if getattr(kind, name) is not getattr(Data, name):
            raise TypeError(
                f"data: expected a Data that is batched as any other, got a {kind.__name__} with its own {name}, which "
                f"is not stored; make a Data of it in pre_transform, and a {kind.__name__} again in transform"
            )


def unpack(tensors: bytes, others: str) -> Data:
    """The ``Data`` that was packed: PyG's own attributes, atomic numbers, then other tensors and the rest by name."""
    found = load(tensors)
    names = sorted(found, key=lambda name: (name != "z", name))
    return Data(**{name: found[name] for name in names}, **json.loads(others))
