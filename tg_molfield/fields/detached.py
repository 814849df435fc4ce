"""Values without their computation graph, so that they can be pickled and copied."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor


def detached(value: Any) -> Any:
    """``value`` with tensors that belong to a graph detached, also those in tuples, lists, dicts and dataclasses."""
    if isinstance(value, Tensor):
        return value if value.is_leaf else value.detach()
    if isinstance(value, dict):
        return {name: detached(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        parts = [detached(part) for part in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        given = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        changed = {name: part for name, old in given.items() if (part := detached(old)) is not old}
        return dataclasses.replace(value, **changed) if changed else value
    return value
