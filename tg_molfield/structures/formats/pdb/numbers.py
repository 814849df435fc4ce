"""Residue numbers: decimal, hybrid-36 and hexadecimal."""

from __future__ import annotations

import re

_HEXADECIMAL = re.compile(r"[0-9a-f]{4}|[0-9A-F]{4}")
_HYBRID = re.compile(r"[A-Z][0-9A-Z]{3}|[a-z][0-9a-z]{3}")


def parse_residue_number(text: str) -> tuple[int, str]:
    """The number and the insertion code in columns 23 to 27.

    Four columns end at 9999. Beyond, programs use the column of the insertion code as well, write hybrid-36 ("A000"
    is 10000) or hexadecimal numbers ("271a"; VMD), or asterisks, which give 0, as blanks do.

    Raises:
        ValueError: the columns hold something else.
    """
    number, insertion = text[:4].strip(), text[4:5].strip()
    if re.fullmatch(r"[-+]?\d+", number, re.ASCII):
        return (int(text), "") if len(number) == 4 and insertion.isdecimal() else (int(number), insertion)
    if not number or set(number) == {"*"}:
        return 0, insertion
    if _HEXADECIMAL.fullmatch(number) and number[0].isdecimal() and int(number, 16) > 9999:
        return int(number, 16), insertion
    if (with_letter := re.fullmatch(r"(-?\d+)([A-Za-z])", number, re.ASCII)) and not insertion:
        return int(with_letter[1]), with_letter[2]
    if _HEXADECIMAL.fullmatch(number) and number.islower():
        return int(number, 16), insertion
    if _HYBRID.fullmatch(number):
        first = 10_000 if number[0].isupper() else 10_000 + 26 * 36**3
        return first + int(number, 36) - 10 * 36**3, insertion
    raise ValueError(f"expected a residue number in columns 23 to 26, got {number!r}; correct the columns")
