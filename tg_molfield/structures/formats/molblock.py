"""What is wrong with the lines of a MOL block, told by line and atom."""

from __future__ import annotations

import math

import numpy as np

from tg_molfield.structures.build import numbers_of


def why_unreadable(lines: list[str]) -> str:
    """The fault of a V2000 block as a sentence, or empty where its counts, coordinates and elements are sound.

    Args:
        lines: the block, from the title to ``M  END``.
    """
    if len(lines) < 4:
        return f"the record has {len(lines)} lines, a MOL block at least 4; remove it"
    if "V3000" in lines[3]:
        return _end_fault(lines)
    counts = lines[3][:3].strip(), lines[3][3:6].strip()
    if not all(count.isdecimal() for count in counts):
        return f"the counts line is {lines[3][:40]!r}, not a number of atoms and of bonds in columns 1 to 6; correct it"
    atoms, bonds = int(counts[0]), int(counts[1])
    rows = [line for line in lines[4 : 4 + atoms] if line.strip() and not line.startswith("M  ")]
    if len(rows) < atoms:
        return f"the counts line announces {atoms} atoms, but {len(rows)} follow; the record is cut short"
    for number, row in enumerate(rows, start=1):
        fault = _atom_fault(row)
        if fault:
            return f"atom {number} {fault}"
    found = sum(1 for line in lines[4 + atoms : 4 + atoms + bonds] if line[:6].strip() and not line.startswith("M  "))
    if found < bonds:
        return f"the counts line announces {bonds} bonds, but {found} follow; the record is cut short"
    return _element_fault([row[31:34].strip() for row in rows]) or _end_fault(lines)


def coordinates(lines: list[str]) -> np.ndarray:
    """[N, 3] coordinates of a sound V2000 block, each read from its own ten columns, which may touch."""
    rows = lines[4 : 4 + int(lines[3][:3])]
    return np.array([[float(row[column : column + 10]) for column in (0, 10, 20)] for row in rows])


def _atom_fault(row: str) -> str:
    if len(row.rstrip()) < 32:
        return f"has the line {row.rstrip()!r}, which is cut short; correct it"
    for axis, column in zip("xyz", (0, 10, 20), strict=True):
        text = row[column : column + 10].strip()
        try:
            value = float(text)
        except ValueError:
            return f"has {axis} = {text!r}, which is no number; coordinates stand in columns of 10"
        if not math.isfinite(value):
            return f"has {axis} = {text}, which is not finite; correct the coordinates"
    return ""


def _end_fault(lines: list[str]) -> str:
    if not lines[-1].startswith("M  END"):
        return "there is no line 'M  END'; the record is cut short, or add the line"
    return ""


def _element_fault(symbols: list[str]) -> str:
    try:
        numbers_of(symbols)
    except ValueError as error:
        return str(error)
    return ""
