"""The check of counts and sizes."""

from __future__ import annotations

import operator
from typing import Any


def check_integers(**counts: Any) -> None:
    """Raise a ValueError for counts that are no integers, such as 2.9, 3.0 or True; None is passed over."""
    for name, value in counts.items():
        if value is not None and not _is_integer(value):
            raise ValueError(f"{name}: expected an integer, got {str(value)[:40]}; give a whole number such as 8")


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool"):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True
