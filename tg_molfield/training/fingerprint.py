"""What tells the molecules of one training from those of another, without reading them all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor
from torch_geometric.data import Data

_RESOLUTION = 1e-3
"""Of floating-point numbers, which other machines give otherwise in the last bits."""


def fingerprint(molecules: Iterable[Data]) -> str:
    """A digest of the elements and positions of molecules; of all their tensors where they have none."""
    found = hashlib.sha256()
    for data in molecules:
        tensors = {name: value for name, value in sorted(data.to_dict().items()) if isinstance(value, Tensor)}
        atoms = {name: tensors[name] for name in ("z", "pos") if name in tensors}
        for name, value in (atoms or tensors).items():
            found.update(f"{name} {list(value.shape)}".encode())
            found.update(_rounded(value).numpy().tobytes())
    return found.hexdigest()[:16]


def _rounded(value: Tensor) -> Tensor:
    value = value.detach().cpu()
    if value.is_floating_point():
        value = (value.double() / _RESOLUTION).round()
    return value.to(torch.int64).contiguous()
