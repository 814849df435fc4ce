"""The names of the steps of a path."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tg_molfield.paths import FieldPath

_MOST_DECIMALS = 6
_ERROR = 0.1
"""The largest error of a rounded number, in units of the distance of two steps."""


def step_labels(path: FieldPath, times: Sequence[float], numbers: Sequence[int]) -> list[str]:
    """A different name for each time on a path: the numbers of frames, rounded in between; per cent of a morph.

    Args:
        path: the path.
        times: increasing, from its first to its last frame.
        numbers: those of the frames, from 1. Where they neither increase nor decrease, frames are counted instead.
    """
    places = [path.locate(time) for time in times]
    if path.is_morph:
        return [f"{text} %" for text in _rounded([100 * fraction for _, fraction in places])]
    marks = numbers if are_in_order(numbers) else range(1, len(numbers) + 1)
    return _rounded([marks[before] + fraction * (marks[before + 1] - marks[before]) for before, fraction in places])


def meaning_of_labels(path: FieldPath, numbers: Sequence[int]) -> str:
    """A sentence or two on the names of the steps."""
    if path.is_morph:
        return "Steps are in per cent of the way. Between the ends, only atoms that are in both molecules are drawn."
    listed = ", ".join(map(str, numbers[:20])) + ", …" * (len(numbers) > 20)
    if are_in_order(numbers):
        return f"The path goes through the frames {listed}; other steps lie between these, as their numbers tell."
    return f"Whole numbers count the frames {listed} in this order."


def are_in_order(numbers: Sequence[int]) -> bool:
    """Whether numbers increase, or decrease, from each to the next."""
    rises = [after > before for before, after in pairwise(numbers)]
    return len(set(numbers)) == len(numbers) and len(set(rises)) == 1


def _rounded(values: Sequence[float]) -> list[str]:
    """Numbers with as few decimals as tell them apart."""
    least = min(abs(after - before) for before, after in pairwise(values))
    for decimals in range(_MOST_DECIMALS):
        if all(abs(round(value, decimals) - value) <= _ERROR * least for value in values):
            break
    texts = [f"{value:.{decimals}f}" for value in values]
    return [text.rstrip("0").rstrip(".") if "." in text else text for text in texts]
