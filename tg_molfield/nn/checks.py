"""Checks of what is given to encoders and decoders."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MAX_Z = 118


def check_atoms(z: Tensor, pos: Tensor, batch: Tensor | None = None) -> tuple[Tensor, int]:
    """The molecule of each atom ``[N]`` and the number of molecules.

    Args:
        z: ``[N]`` int64 atomic numbers, 1 to 118.
        pos: ``[N, 3]`` Å.
        batch: ``[N]`` int64, sorted, every molecule with an atom; ``None`` for one molecule.

    Raises:
        ValueError: a tensor has another type, shape, device or content; the message says which and what to give.
    """
    if z.dim() != 1 or z.dtype != torch.int64:
        raise ValueError(f"z is {z.dtype} of shape {tuple(z.shape)}: give int64 atomic numbers [N]")
    if pos.shape != (z.size(0), 3) or not pos.is_floating_point():
        raise ValueError(f"pos is {pos.dtype} of shape {tuple(pos.shape)}: give floats in Å of shape ({z.size(0)}, 3)")
    if z.size(0) == 0:
        raise ValueError("z is empty: give molecules with at least one atom")
    if pos.device != z.device:
        raise ValueError(f"pos is on {pos.device}, z on {z.device}: move both to one device")
    low, high = int(z.min()), int(z.max())
    if low < 1 or high > MAX_Z:
        raise ValueError(f"z has the value {low if low < 1 else high}: give atomic numbers from 1 to {MAX_Z}")
    if not bool(torch.isfinite(pos).all()):
        row = int((~torch.isfinite(pos)).any(1).nonzero()[0])
        raise ValueError(f"pos has a value that is not finite in row {row}: remove or repair that atom")
    if batch is None:
        return torch.zeros_like(z), 1
    check_batch("batch", batch, z.size(0), z.device)
    count = torch.bincount(batch)
    if bool((count == 0).any()):
        raise ValueError(f"batch names no atom of molecule {int((count == 0).nonzero()[0])}: remove empty molecules")
    return batch, count.size(0)


def check_properties(properties: Tensor | None, count: int, pos: Tensor, names: Sequence[str] = ()) -> None:
    """Raise a ValueError unless ``properties`` are what a model reads of the atoms; ``None`` where it reads none.

    Args:
        properties: ``[N, P]``, finite, of the type and on the device of ``pos``.
        count: the number P that the model reads.
        pos: ``[N, 3]`` Å.
        names: what the properties are called, for the message.
    """
    told = f" ({', '.join(names)})" if names else ""
    if count == 0:
        if properties is not None:
            raise ValueError(
                f"properties has shape {tuple(properties.shape)}: this model reads none; leave it out, or build the "
                "model with properties"
            )
        return
    shape = (pos.size(0), count)
    if properties is None:
        raise ValueError(f"properties is missing: give floats of shape {shape}{told}, or Data to encode_data")
    if properties.shape != shape or not properties.is_floating_point():
        raise ValueError(
            f"properties is {properties.dtype} of shape {tuple(properties.shape)}: give floats of shape {shape}{told}"
        )
    if properties.device != pos.device:
        raise ValueError(f"properties is on {properties.device}, pos on {pos.device}: move both to one device")
    if properties.dtype != pos.dtype:
        raise ValueError(f"properties is {properties.dtype}, pos {pos.dtype}: convert properties with .to(pos.dtype)")
    if not bool(properties.isfinite().all()):
        row, column = (~properties.isfinite()).nonzero()[0].tolist()
        name = f"of {names[column]} " if names else ""
        raise ValueError(
            f"properties has a value {name}that is not finite in row {row}, column {column}: remove or repair that atom"
        )


def check_batch(name: str, batch: Tensor, size: int, device: torch.device) -> None:
    """Raise a ValueError unless ``batch`` is ``[size]`` int64, sorted and non-negative, on ``device``."""
    if batch.dtype != torch.int64 or batch.shape != (size,):
        raise ValueError(f"{name} is {batch.dtype} of shape {tuple(batch.shape)}: give int64 of shape ({size},)")
    if batch.device != device:
        raise ValueError(f"{name} is on {batch.device}: move it to {device}")
    if size and (int(batch[0]) < 0 or bool((batch[1:] < batch[:-1]).any())):
        raise ValueError(f"{name} is not sorted from 0 upwards: sort the atoms or points by molecule")


def check_queries(query_pos: Tensor, query_batch: Tensor | None, num_graphs: int, like: Tensor) -> Tensor:
    """The molecule of each query point ``[Q]``.

    Args:
        query_pos: ``[Q, 3]`` Å, of the type and on the device of ``like``.
        query_batch: ``[Q]`` int64, sorted, below ``num_graphs``; ``None`` where there is one molecule.
        num_graphs: the number of molecules.
        like: a tensor of the model.

    Raises:
        ValueError: as for :func:`check_atoms`.
    """
    if query_pos.dim() != 2 or query_pos.size(1) != 3:
        raise ValueError(f"query_pos has shape {tuple(query_pos.shape)}: give points in Å of shape (Q, 3)")
    check_like("query_pos", query_pos, like)
    if query_batch is None:
        if num_graphs != 1:
            raise ValueError(f"query_batch is missing: say which of the {num_graphs} molecules each point belongs to")
        return torch.zeros(query_pos.size(0), dtype=torch.int64, device=query_pos.device)
    check_batch("query_batch", query_batch, query_pos.size(0), query_pos.device)
    if query_batch.numel() and int(query_batch[-1]) >= num_graphs:
        raise ValueError(f"query_batch names molecule {int(query_batch[-1])}: there are {num_graphs}, counted from 0")
    return query_batch


def check_like(name: str, tensor: Tensor, like: Tensor) -> None:
    """Raise a ValueError unless ``tensor`` has the type and the device of the model's tensor ``like``."""
    if tensor.dtype != like.dtype or tensor.device != like.device:
        raise ValueError(
            f"{name} is {tensor.dtype} on {tensor.device}, the model {like.dtype} on {like.device}: "
            f"convert {name} or the model with .to()"
        )
