"""The atoms of a V2000 MOL block."""

from __future__ import annotations

import re
from contextlib import suppress

import numpy as np

from tg_molfield.structures.formats.elements import parse_elements
from tg_molfield.structures.formats.sdf.atom_table import AtomTable, coordinate

_COLUMNS = (("x", 0), ("y", 10), ("z", 20))
_PLAIN = re.compile(r"[ 0-9.+-]{30} ")
_INTEGER = re.compile(r" *[0-9]+ *")
_BOND_LINE = re.compile(r"(?: *[0-9]{1,3}){3,7}\s*")
_ATOM_LINE = re.compile(r"(?: *-?[0-9]{1,9}\.[0-9]{1,9}){3} *[A-Z].*")


def read_v2000_atoms(lines: list[str]) -> AtomTable:
    """The atoms of a block whose counts, coordinates, elements and bonded atoms are valid.

    Args:
        lines: the block, from the title to ``M  END``.

    Raises:
        ValueError: something in the block is not valid.
    """
    counts = lines[3][:3], lines[3][3:6]
    if not all(_INTEGER.fullmatch(count) for count in counts):
        raise ValueError(
            f"counts line: expected the numbers of atoms and bonds in columns 1 to 6, got {lines[3][:40]!r}; correct it"
        )
    atoms, bonds = int(counts[0]), int(counts[1])
    rows = [line for line in lines[4 : 4 + atoms] if line.strip() and not line.startswith("M  ")]
    if len(rows) < atoms:
        raise ValueError(f"atoms: expected {atoms} by the counts line, got {len(rows)}; restore the missing lines")
    positions = []
    for number, line in enumerate(rows, start=1):
        try:
            positions.append(_position(line))
        except ValueError as error:
            raise ValueError(f"atom line {number}: {error}") from error
    _check_bonds(lines[4 + atoms : 4 + atoms + bonds], bonds, atoms)
    _check_rest(lines[4 + atoms + bonds :], lines[3])
    return AtomTable(parse_elements([line[31:34].strip() for line in rows]), np.array(positions).reshape(-1, 3))


def _position(line: str) -> list[float]:
    if len(line.rstrip()) < 32:
        raise ValueError(f"expected at least 32 columns, got {line.rstrip()!r}; complete the line")
    if _PLAIN.match(line):
        with suppress(ValueError):
            return [float(line[:10]), float(line[10:20]), float(line[20:30])]
    values = [
        coordinate(line[column : column + 10], axis, f"columns {column + 1} to {column + 10}")
        for axis, column in _COLUMNS
    ]
    if line[30] != " ":
        raise ValueError(f"expected a blank in column 31, got {line[28:34]!r}; correct the columns")
    return values


def _check_bonds(lines: list[str], bonds: int, atoms: int) -> None:
    found = [line for line in lines if line[:6].strip() and not line.startswith("M  ")]
    if len(found) < bonds:
        raise ValueError(f"bonds: expected {bonds} by the counts line, got {len(found)}; restore the missing lines")
    for number, line in enumerate(found, start=1):
        ends = [int(text) if _INTEGER.fullmatch(text) else 0 for text in (line[:3], line[3:6])]
        if not 1 <= min(ends) <= max(ends) <= atoms:
            raise ValueError(
                f"bond line {number}: expected two atoms from 1 to {atoms} in columns 1 to 6, got {line[:12]!r}; "
                "correct the bond, or the numbers of atoms and bonds in the counts line"
            )


def _check_rest(lines: list[str], counts_line: str) -> None:
    """Refuse atoms and bonds that the counts line leaves out.

    Raises:
        ValueError: there are lines of atoms or bonds after those counted.
    """
    if any(text.strip(" 0") for text in (counts_line[6:9], counts_line[15:18])):
        return  # lists of atoms or texts follow, whose lines may look like bonds
    previous = ""
    for line in lines:
        free_text = previous.startswith(("A  ", "G  "))
        previous = line
        if not free_text and (_BOND_LINE.fullmatch(line) or _ATOM_LINE.fullmatch(line)):
            raise ValueError(
                f"counts line: expected all atoms and bonds in {counts_line[:6]!r}, got more after them "
                f"({line[:40].strip()!r}); correct the counts"
            )
