"""The atoms of a MOL block, and strict numbers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A number as MOL blocks hold it; Python's ``float`` takes more, such as ``1_0`` and other scripts' digits."""


@dataclass(frozen=True)
class AtomTable:
    """The atoms of a MOL block.

    Attributes:
        numbers: [N] atomic numbers.
        pos: [N, 3] coordinates in Å.
    """

    numbers: list[int]
    pos: np.ndarray


def coordinate(text: str, axis: str, where: str) -> float:
    """The number in the field ``text``.

    Raises:
        ValueError: it is not a finite number; the message says that ``axis`` was expected ``where``.
    """
    text = text.strip(" ")
    if _NUMBER.fullmatch(text):
        value = float(text)
    elif text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        value = math.nan
    else:
        raise ValueError(f"expected {axis} in {where}, got {text[:40]!r}; correct the coordinates")
    if not math.isfinite(value):
        raise ValueError(f"expected a finite {axis}, got {text}; correct the coordinates")
    return value
