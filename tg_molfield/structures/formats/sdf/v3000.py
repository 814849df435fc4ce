"""The atoms of a V3000 MOL block."""

from __future__ import annotations

import numpy as np

from tg_molfield.structures.formats.elements import parse_elements
from tg_molfield.structures.formats.sdf.atom_table import AtomTable, coordinate

_MARK = "M  V30 "


def read_v3000_atoms(lines: list[str]) -> AtomTable:
    """The atoms between ``BEGIN ATOM`` and ``END ATOM``, as many as the line ``COUNTS`` says.

    Args:
        lines: the block, from the title to ``M  END``.

    Raises:
        ValueError: a count or an atom is not valid.
    """
    entries = _entries(lines)
    counts = next((entry.split() for entry in entries if entry.startswith("COUNTS")), [])
    if len(counts) < 3 or not all(count.isascii() and count.isdecimal() for count in counts[1:3]):
        raise ValueError(
            f"counts line: expected 'M  V30 COUNTS' with the numbers of atoms and bonds, got {' '.join(counts)!r}; "
            "correct it"
        )
    atoms = _section(entries, "ATOM", int(counts[1]))
    _section(entries, "BOND", int(counts[2]))
    symbols = []
    pos = np.empty((len(atoms), 3))
    for row, entry in enumerate(atoms):
        fields = entry.split()
        if len(fields) < 6 or not (fields[5].isascii() and fields[5].isdecimal()):
            raise ValueError(
                f"atom line {row + 1}: expected index, element, x, y, z and whole-number map, got {entry[:40]!r}; "
                "correct the line"
            )
        symbols.append(fields[1])
        try:
            pos[row] = [coordinate(field, axis, "its field") for axis, field in zip("xyz", fields[2:5], strict=True)]
        except ValueError as error:
            raise ValueError(f"atom line {row + 1}: {error}") from error
    return AtomTable(parse_elements(symbols), pos)


def _entries(lines: list[str]) -> list[str]:
    """What follows the mark of each line, with continued lines joined."""
    entries = []
    begun: list[str] = []
    for line in lines:
        if line.startswith(_MARK):
            text = line[len(_MARK) :].rstrip()
            begun.append(text.removesuffix("-"))
            if not text.endswith("-"):
                entries.append("".join(begun).strip())
                begun = []
    return entries


def _section(entries: list[str], name: str, count: int) -> list[str]:
    """The entries between ``BEGIN name`` and ``END name``, checked to be ``count``."""
    begin, end = f"BEGIN {name}", f"END {name}"
    starts = [row for row, entry in enumerate(entries) if entry.split() == begin.split()]
    ends = [row for row, entry in enumerate(entries) if entry.split() == end.split()]
    if len(starts) > 1 or len(starts) != len(ends) or (starts and ends[0] < starts[0]):
        raise ValueError(
            f"MOL block: expected one section from '{begin}' to '{end}', got {len(starts)} starts and {len(ends)} "
            "ends; restore the missing lines"
        )
    found = entries[starts[0] + 1 : ends[0]] if starts else []
    if len(found) != count:
        raise ValueError(
            f"{name.lower()}s: expected {count} by the counts line, got {len(found)}; "
            "restore the missing lines or correct the count"
        )
    return found
