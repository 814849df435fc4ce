"""Labels of molecules: the numbers that become ``y``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.structures.formats.sdf import sdf_tags
from tg_molfield.structures.library import Entry
from tg_molfield.text_numbers import parse_number

_UNKNOWN = frozenset(("", "na", "n/a", "nan", "none", "null", "-"))


def named_values(entry: Entry, data: Data | None = None) -> Mapping[str, Any]:
    """The named values of an entry: those beside it, the tags of an SDF, and the attributes of a given ``Data``.

    Args:
        entry: the entry.
        data: what was made of it.
    """
    if entry.kind in (".sdf", ".mol"):
        return {**sdf_tags(entry.content), **entry.values}
    return {**entry.values, **data.to_dict()} if entry.kind == "data" and data is not None else entry.values


def label_values(names: tuple[str, ...], found: Mapping[str, Any], dtype: torch.dtype, notes: list[str]) -> Tensor:
    """The labels [1, L], NaN for those that are not known.

    Args:
        names: of the labels.
        found: named values, texts or numbers.
        dtype: floating type of the result.
        notes: a sentence is added for each label that is not known.

    Raises:
        ValueError: a value is no number, or infinite in ``dtype``.
    """
    values = []
    for name in names:
        value = found.get(name, "")
        unknown = isinstance(value, str) and value.strip().lower() in _UNKNOWN
        values.append(math.nan if unknown else _number(name, value, dtype))
        if math.isnan(values[-1]):
            notes.append(f"label {name!r}: expected a number, got none; complete the record, y has NaN for it")
    return torch.tensor([values], dtype=torch.float64).to(dtype)


def _number(name: str, value: Any, dtype: torch.dtype) -> float:
    try:
        if isinstance(value, Tensor):
            number = float(value.reshape(()))
        else:
            number = parse_number(value.strip()) if isinstance(value, str) else float(value)
    except (ValueError, TypeError, RuntimeError) as error:
        shown = f"a tensor {list(value.shape)}" if isinstance(value, Tensor) else repr(str(value)[:40])
        raise ValueError(f"label {name!r}: expected a number, got {shown}; leave it out of labels") from error
    if abs(number) > torch.finfo(dtype).max:
        raise ValueError(
            f"label {name!r}: expected a finite number within the range of {dtype}, got {number}; correct the record"
        )
    return number
