"""The parts of a data set, given as indices or masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def part_indices(split: Mapping[str, Any], length: int) -> dict[str, list[int]]:
    """The indices of each part, in the order given.

    Args:
        split: by the name of the part, indices from 0 or a mask [``length``].
        length: the number of molecules.

    Raises:
        TypeError: a part is neither.
        ValueError: a mask has another length, an index is out of range, or a molecule is taken twice.
    """
    parts: dict[str, list[int]] = {}
    owner: dict[int, str] = {}
    for name, given in split.items():
        parts[name] = _indices(f"split[{name!r}]", given, length)
        for index in parts[name]:
            if index in owner:
                where = "twice" if owner[index] == name else f"in {owner[index]!r} too"
                raise ValueError(
                    f"split[{name!r}]: expected each molecule in one part and once, got that of index {index} {where}; "
                    "leave it out of one"
                )
            owner[index] = name
    return parts


def _indices(name: str, given: Any, length: int) -> list[int]:
    chosen = _as_tensor(name, given)
    if chosen.dtype == torch.bool:
        if len(chosen) != length:
            raise ValueError(
                f"{name}: expected a mask of the {length} molecules, got one of {len(chosen)}; give one value for each"
            )
        return chosen.nonzero()[:, 0].tolist()
    outside = chosen[(chosen < 0) | (chosen >= length)]
    if outside.numel():
        raise ValueError(
            f"{name}: expected indices from 0 to {length - 1}, got {int(outside[0])}; take those of this data set"
        )
    return chosen.tolist()


def _as_tensor(name: str, given: Any) -> Tensor:
    """A vector, int64 or bool."""
    try:
        chosen = torch.as_tensor(given if isinstance(given, Tensor) or hasattr(given, "dtype") else list(given))
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"{name}: expected indices or a mask, got {type(given).__name__}; give a tensor [M] of int64 or bool"
        ) from error
    if not chosen.numel():
        return torch.zeros(0, dtype=chosen.dtype if chosen.dtype == torch.bool else torch.int64)
    if chosen.ndim != 1 or chosen.dtype not in (torch.bool, torch.int64, torch.int32):
        raise TypeError(
            f"{name}: expected indices or a mask, got {str(chosen.dtype).removeprefix('torch.')} "
            f"{list(chosen.shape)}; give a tensor [M] of int64 or bool"
        )
    return chosen if chosen.dtype == torch.bool else chosen.long()
