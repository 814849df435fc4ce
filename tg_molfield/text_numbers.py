"""Numbers in text, read as they are written: decimal, ASCII, with the exponents of C, Fortran and Mathematica."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:(?:[eEdD]|\*\^)([+-]?[0-9]+))?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


def parse_number(text: str) -> float:
    """The number that the whole of ``text`` is: ``1.5``, ``1.0D+00``, ``5.1*^-6``, ``nan``.

    Raises:
        ValueError: it is no number. ``1_0`` and digits of other scripts, which Python takes, are none.
    """
    match = _NUMBER.fullmatch(text)
    if match:
        return float(f"{match[1]}e{match[2] or 0}")
    if _NOT_FINITE.fullmatch(text):
        return float(text)
    raise ValueError(f"expected a number, got {text[:40]!r}")


def parse_numbers(words: Sequence[str]) -> list[float]:
    """`parse_number` of each word, fast where all are as Python writes them.

    Raises:
        ValueError: a word is no number.
    """
    together = "".join(words)
    if together.isascii() and "_" not in together:
        try:
            return [float(word) for word in words]
        except ValueError:
            pass
    return [parse_number(word) for word in words]
