"""A ``Data`` as bytes and text, without pickle."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from safetensors.torch import load, save
from torch import Tensor
from torch_geometric.data import Data

_PLAIN = (str, int, float, bool)


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
    """The content of a ``Data``; an attribute that is None is left out.

    Raises:
        TypeError: an attribute is neither a dense tensor, a text nor a number.
    """
    tensors: dict[str, Tensor] = {}
    others: dict[str, Any] = {}
    for name, value in data.to_dict().items():
        if isinstance(value, Tensor) and not value.is_sparse and not value.is_quantized:
            tensors[name] = value.detach().cpu().clone().contiguous()
        elif isinstance(value, _PLAIN):
            others[name] = value
        elif value is not None:
            raise TypeError(
                f"{name}: expected a dense tensor, a text or a number, got {type(value).__name__}; convert it in "
                "pre_transform, or compute it in transform"
            )
    keys = json.dumps(sorted([*tensors, *others]))
    return Packed(keys, save(tensors), json.dumps(others, sort_keys=True))


def unpack(tensors: bytes, others: str) -> Data:
    """The ``Data`` that was packed: PyG's own attributes, atomic numbers, then other tensors and the rest by name."""
    found = load(tensors)
    names = sorted(found, key=lambda name: (name != "z", name))
    return Data(**{name: found[name] for name in names}, **json.loads(others))
