"""The elements in the atom lines of a file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tg_molfield.chem.elements import MAX_Z, atomic_numbers

LABEL_LIKE = re.compile("C[ADEFMNORS]|H[EFGOS]|N[ABDEHOP]|O[GS]|P[ABDMORU]|S[BCGMNR]")
"""Symbols that are more often a carbon, hydrogen, nitrogen, oxygen, phosphorus or sulfur with a letter."""


def doubt_of_symbols(symbols: Sequence[str]) -> str:
    """What to say of symbols in capitals that may be names of atoms, such as CA beside C; empty if there are none."""
    there = set(symbols)
    doubtful = sorted(
        symbol for symbol in there - {"NA"} if symbol.isupper() and LABEL_LIKE.fullmatch(symbol) and symbol[0] in there
    )
    if not doubtful:
        return ""
    taken = ", ".join(symbol.capitalize() for symbol in doubtful)
    return (
        f"atoms: expected symbols of elements, got {', '.join(doubtful)}, which may be names of atoms; {taken} were "
        "taken, write the elements if they are others"
    )


def parse_elements(symbols: Sequence[str]) -> list[int]:
    """Atomic numbers from the element of each atom line, a symbol or a number as text; D and T are hydrogen.

    Raises:
        ValueError: a symbol is not an element; the message gives it and its line, counted from 1.
    """
    known = {**atomic_numbers(), "D": 1, "T": 1}
    numbers = []
    for line, symbol in enumerate(symbols, start=1):
        is_number = symbol.isascii() and symbol.isdecimal() and len(symbol) <= 3
        number = int(symbol) if is_number else known.get(symbol.capitalize(), 0)
        if not 1 <= number <= MAX_Z:
            raise ValueError(
                f"atom line {line}: expected a chemical element, got {symbol[:40]!r}; name the element or remove the "
                "atom"
            )
        numbers.append(number)
    return numbers
