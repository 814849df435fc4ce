"""Checks of a MOL block before RDKit reads it; messages give the line."""

from __future__ import annotations

import math

import numpy as np

from tg_molfield.structures.formats.elements import parse_elements


def molblock_fault(lines: list[str]) -> str:
    """What is wrong with a MOL block, or an empty string if its counts, coordinates and elements are valid.

    Of a V3000 block only the end is checked.

    Args:
        lines: the block, from the title to ``M  END``.
    """
    if len(lines) < 4:
        return f"MOL block: expected at least 4 lines, got {len(lines)}; remove the record"
    if "V3000" in lines[3]:
        return _end_fault(lines)
    counts = lines[3][:3].strip(), lines[3][3:6].strip()
    if not all(count.isdecimal() for count in counts):
        return (
            f"counts line: expected the numbers of atoms and bonds in columns 1 to 6, got {lines[3][:40]!r}; correct it"
        )
    atoms, bonds = int(counts[0]), int(counts[1])
    rows = [line for line in lines[4 : 4 + atoms] if line.strip() and not line.startswith("M  ")]
    if len(rows) < atoms:
        return f"atoms: expected {atoms} by the counts line, got {len(rows)}; restore the missing lines"
    for number, row in enumerate(rows, start=1):
        fault = _atom_fault(row)
        if fault:
            return f"atom line {number}: {fault}"
    found = sum(1 for line in lines[4 + atoms : 4 + atoms + bonds] if line[:6].strip() and not line.startswith("M  "))
    if found < bonds:
        return f"bonds: expected {bonds} by the counts line, got {found}; restore the missing lines"
    return _element_fault([row[31:34].strip() for row in rows]) or _end_fault(lines)


def molblock_coordinates(lines: list[str]) -> np.ndarray:
    """[N, 3] coordinates of a valid V2000 block; each has its own ten columns, so numbers may touch."""
    rows = lines[4 : 4 + int(lines[3][:3])]
    return np.array([[float(row[column : column + 10]) for column in (0, 10, 20)] for row in rows])


def _atom_fault(row: str) -> str:
    if len(row.rstrip()) < 32:
        return f"expected at least 32 columns, got {row.rstrip()!r}; complete the line"
    for axis, column in zip("xyz", (0, 10, 20), strict=True):
        text = row[column : column + 10].strip()
        try:
            value = float(text)
        except ValueError:
            return f"expected {axis} in columns {column + 1} to {column + 10}, got {text!r}; correct the coordinates"
        if not math.isfinite(value):
            return f"expected a finite {axis}, got {text}; correct the coordinates"
    return ""


def _end_fault(lines: list[str]) -> str:
    if not lines[-1].startswith("M  END"):
        return f"last line: expected 'M  END', got {lines[-1][:40]!r}; restore the missing lines"
    return ""


def _element_fault(symbols: list[str]) -> str:
    try:
        parse_elements(symbols)
    except ValueError as error:
        return str(error)
    return ""
