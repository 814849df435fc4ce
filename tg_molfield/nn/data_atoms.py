"""The atoms of a `Data` or `Batch`, as encoders take them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch_geometric.data import Data


def atoms_of_data(data: Data, properties: Sequence[str] = ()) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """``z [N]``, ``pos [N, 3]``, ``batch [N]`` or None, and the named attributes ``[N, P]``, None if there are none.

    Args:
        data: with ``z``, ``pos`` and the attributes, each ``[N]`` or ``[N, 1]``.
        properties: the names of the attributes; their numbers are converted to the type of ``pos``.

    Raises:
        ValueError: one is missing or of another shape, or the atoms are periodic.
    """
    for name in ("z", "pos"):
        if not isinstance(getattr(data, name, None), Tensor):
            raise ValueError(f"data.{name} is missing: give z [N] and pos [N, 3] as tensors")
    pbc = getattr(data, "pbc", None)
    if pbc is not None and bool(torch.as_tensor(pbc).any()):
        raise ValueError("data.pbc: a code describes a molecule, not a crystal; remove pbc to encode one cell")
    columns = [_column(data, name) for name in properties]
    return data.z, data.pos, getattr(data, "batch", None), torch.stack(columns, dim=1) if columns else None


def _column(data: Data, name: str) -> Tensor:
    values = getattr(data, name, None)
    if not isinstance(values, Tensor):
        raise ValueError(f"data.{name} is missing: the model reads it of every atom; give it as a tensor [N]")
    size = data.pos.size(0)
    if values.shape not in ((size,), (size, 1)):
        raise ValueError(f"data.{name} has shape {tuple(values.shape)}: give one number an atom, ({size},)")
    return values.reshape(size).to(data.pos.dtype)
