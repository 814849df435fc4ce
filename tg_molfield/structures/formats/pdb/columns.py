"""The fixed columns of atom lines as arrays."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np

from tg_molfield.structures.formats.macromolecule.table import Texts

WIDTH = 80
"""Columns of a PDB line."""

_NUMBER = re.compile(r" *[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)? *")
_TOGETHER = 2**14
"""Lines that are turned into characters at once; more of them take more memory and no less time."""
_RUN_INTO = re.compile(r" *[-+]?0\d")
_IN_NUMBERS = np.zeros(256, dtype=bool)
_IN_NUMBERS[np.frombuffer(b" +-.0123456789eE", dtype=np.uint8)] = True


class Columns(NamedTuple):
    """The atom lines of a file by columns.

    Attributes:
        matrix: [N, 80] the characters.
        pos: [N, 3] positions in Å; zeros in lines with a fault.
        occupancy: [N] occupancies; 1 where the columns are blank, NaN where they are no number.
        displaced: [N] whether a decimal point is not where most lines have it, though the number would have room.
        faults: what is wrong with a line, by its row.
        faulty: [N] whether there is something wrong.
    """

    matrix: np.ndarray
    pos: np.ndarray
    occupancy: np.ndarray
    displaced: np.ndarray
    faults: dict[int, str]
    faulty: np.ndarray

    def texts(self, start: int, stop: int, rows: slice) -> Texts:
        """The text in at most eight columns, counted from 0."""
        packed = np.zeros((rows.stop - rows.start, 8), dtype=np.uint8)
        packed[:, : stop - start] = self.matrix[rows, start:stop]
        values, codes = np.unique(packed.view(np.uint64).reshape(-1), return_inverse=True)
        return Texts([value.tobytes()[: stop - start].decode("ascii") for value in values], codes.reshape(-1))


def read_columns(lines: list[str]) -> Columns:
    """The columns of the atom lines ``lines``."""
    faults: dict[int, str] = {}
    matrix, strange_rows = _characters(lines)
    pos, strange = _numbers(matrix[:, 30:54])
    occupancy, no_number = _numbers(matrix[:, 54:60], width=6)
    occupancy = np.where(no_number, np.nan, occupancy).reshape(-1)
    occupancy[(matrix[:, 54:60] == ord(" ")).all(axis=1)] = 1.0
    suspect = (matrix[:, 29] != ord(" ")) | (np.isnan(occupancy) & (matrix[:, 54] != ord(" ")))
    suspect |= strange_rows | (strange | ~np.isfinite(pos)).any(axis=1) | _leading_zeros(matrix[:, 30:54])
    for row in np.flatnonzero(suspect).tolist():
        if fault := _fault(lines[row]):
            faults[row] = fault
            pos[row] = 0.0
    faulty = np.zeros(len(lines), dtype=bool)
    faulty[list(faults)] = True
    displaced = _displaced_points(matrix[:, 30:54].reshape(-1, 3, 8))
    return Columns(matrix, pos, occupancy, displaced, faults, faulty)


def _characters(lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The first characters [N, 80] of lines; and [N] which lines are too short or long or have strange characters."""
    matrix = np.empty((len(lines), WIDTH), dtype=np.uint8)
    strange = np.empty(len(lines), dtype=bool)
    for start in range(0, len(lines), _TOGETHER):
        part = lines[start : start + _TOGETHER]
        rows = slice(start, start + len(part))
        padded = "".join([line[:WIDTH].ljust(WIDTH) for line in part])
        matrix[rows] = np.frombuffer(padded.encode("ascii", "replace"), dtype=np.uint8).reshape(-1, WIDTH)
        lengths = np.fromiter(map(len, part), dtype=np.int64, count=len(part))
        strange[rows] = (lengths < 54) | (lengths > WIDTH) | ((matrix[rows] < 32) | (matrix[rows] > 126)).any(axis=1)
        if not padded.isascii():
            strange[rows] |= np.array([not line.isascii() for line in part])
    return matrix, strange


def _numbers(block: np.ndarray, width: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """The numbers in the columns of ``block``, and where there is none; no number where the characters do not fit."""
    fields = np.ascontiguousarray(block).view(f"S{width}")
    characters = block.reshape(len(block), -1, width)
    strange = ~_IN_NUMBERS[characters].all(axis=2) | (characters == ord(" ")).all(axis=2)
    try:
        return np.where(strange, b"0", fields).astype(np.float64), strange
    except ValueError:
        values = np.zeros(fields.shape)
        for place, text in np.ndenumerate(fields):
            strange[place] = not _NUMBER.fullmatch(text.decode("latin-1"))
            values[place] = 0.0 if strange[place] else float(text)
        return values, strange


def _leading_zeros(block: np.ndarray) -> np.ndarray:
    """[N] whether a number has a zero before its first digits, which fields that run into each other leave."""
    fields = block.reshape(len(block), 3, 8)
    digit = (fields >= ord("0")) & (fields <= ord("9"))
    begins = np.ones(digit.shape, dtype=bool)
    begins[:, :, 1:] = ~digit[:, :, :-1] & (fields[:, :, :-1] != ord("."))
    return (((fields == ord("0")) & begins)[:, :, :-1] & digit[:, :, 1:]).any(axis=(1, 2))


def _displaced_points(fields: np.ndarray) -> np.ndarray:
    """[N] whether a number that does not fill its field [N, 3, 8] has its point where less than half of all have it."""
    room = (fields[:, :, 0] == ord(" ")) | (fields[:, :, 7] == ord(" "))
    displaced = (fields[:, :, 4] != ord(".")) & room
    return displaced.any(axis=1) & (displaced.mean() < 0.5)


def _fault(line: str) -> str:
    """What is wrong with an atom line, or an empty string."""
    head = line[:WIDTH]
    for column, character in enumerate(head, start=1):
        if not " " <= character <= "~":
            return (
                f"expected ASCII characters and no tabs in columns 1 to 80, got {character!r} in column {column}; "
                "replace it by one character, so that the columns stay in place"
            )
    for axis, column in zip("xyz", (30, 38, 46), strict=True):
        text = line[column : column + 8]
        if text.strip().lower() in ("nan", "inf", "+inf", "-inf", "infinity"):
            return f"expected a finite {axis}, got {text.strip()}; correct the coordinates"
        if not _NUMBER.fullmatch(text) or len(text) < 8:
            return (
                f"expected {axis} in columns {column + 1} to {column + 8}, got {text.strip()!r}; "
                "write the file with a program that keeps the fixed columns of the PDB format"
            )
        if not math.isfinite(float(text)):
            return f"expected a finite {axis}, got {text.strip()}; correct the coordinates"
        if _RUN_INTO.match(text):
            return (
                f"expected {axis} in columns {column + 1} to {column + 8}, got {text.strip()!r}, part of a number "
                "that began before; centre the structure and write it again"
            )
    if line[29:30].strip():
        return f"expected a blank in column 30, before x, got {line[29]!r}; move the coordinates to columns 31 to 54"
    if line[54:55].isdigit() and not _NUMBER.fullmatch(line[54:60].rstrip()):
        return (
            f"expected z to end in column 54 and an occupancy in columns 55 to 60, got {line[46:60].strip()!r}; "
            "move the coordinates to columns 31 to 54"
        )
    if re.search("ATOM  |HETATM", line[54:]):
        return "expected one atom on the line, got two; break the line before the second record"
    return ""
