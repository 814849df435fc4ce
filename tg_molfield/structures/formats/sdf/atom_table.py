"""The atoms of a MOL block."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tg_molfield.text_numbers import parse_number


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
    try:
        value = parse_number(text)
    except ValueError as error:
        raise ValueError(f"expected {axis} in {where}, got {text[:40]!r}; correct the coordinates") from error
    if not math.isfinite(value):
        raise ValueError(f"expected a finite {axis}, got {text[:40]}; correct the coordinates")
    return value
