"""The second line of an XYZ frame: free text, or the key=value pairs of extended XYZ.

The pairs count where the line is extended XYZ (https://github.com/libAtoms/extxyz), which means that it holds
``Lattice="…"`` or ``Properties=…`` with values of their form, or consists of pairs alone. Anything else is text:
"DFT energy -76.4 Hartree", "Lattice energy", "water dipole moment".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tg_molfield.text_numbers import parse_numbers

_TOKEN = re.compile(
    r'=\s*("(?:[^"\\]|\\.)*"|\'[^\']*\'|\{[^{}]*\}|\[(?:[^\[\]]|\[[^\[\]]*\])*\]|\S+)?'
    r'|"(?:[^"\\]|\\.)*"|[^\s=]+'
)
_COLUMN = r"[^:\s]+:[RISL]:[0-9]+"
_COLUMNS = re.compile(f"{_COLUMN}(?::{_COLUMN})*")
_FORM = ("properties", "lattice", "pbc")
_UNITS = ("unit", "units", "length_unit", "length_units")
_OTHER_LENGTHS = ("bohr", "bohrs", "a0", "au", "a.u.", "atomic", "nm", "pm")
_FLAGS = {"T": True, "TRUE": True, "1": True, "F": False, "FALSE": False, "0": False}


@dataclass
class XyzComment:
    """What the comment of a frame says.

    Attributes:
        pairs: all its key=value pairs that are given once, also those of a text, as text without quotation marks.
        is_extended: whether the line is extended XYZ, so that its pairs are keys.
        columns: the value of ``Properties``, or empty.
        cell: three vectors in Å, or None.
        pbc: periodic directions, or None.
        notes: sentences about what was left out.
    """

    pairs: dict[str, str]
    is_extended: bool = False
    columns: str = ""
    cell: list[list[float]] | None = None
    pbc: list[bool] | None = None
    notes: list[str] = field(default_factory=list)


def parse_comment(line: str) -> XyzComment:
    """The pairs of a comment, and whether they are keys.

    Raises:
        ValueError: a line of extended XYZ whose ``Lattice``, ``Properties`` or ``pbc`` has another form, or is given
            again with another value.
    """
    if "=" not in line:
        return XyzComment({})
    pairs, repeated, only_pairs = _pairs(line)
    comment = XyzComment({key: value for key, value in pairs.items() if key not in repeated})
    columns, lattice, pbc = (_value(pairs, name) for name in _FORM)
    comment.cell = _cell(lattice, ":" in columns, comment)
    if ":" in columns or (columns and comment.cell is not None):
        if not _COLUMNS.fullmatch(columns):
            raise ValueError(
                f"Properties: expected name:type:count of each column, as species:S:1:pos:R:3, got {columns[:40]!r}; "
                "correct it"
            )
        comment.columns = columns
    comment.is_extended = bool(comment.columns) or comment.cell is not None or (only_pairs and bool(pairs))
    if not comment.is_extended:
        return comment
    comment.pbc = _pbc(pbc)
    if pbc and comment.pbc is None:
        fault = f"pbc: expected three of T and F, got {pbc[:40]!r}; correct it"
        if comment.columns or comment.cell is not None:
            raise ValueError(fault)
        comment.notes.append(f"{fault}, it was left out")
    for key, value in pairs.items():
        if key.lower() in _UNITS and value.lower() in _OTHER_LENGTHS:
            comment.notes.append(f"{key}: expected positions in Å, got {value[:40]!r}; convert them, Å were taken")
    for key in repeated:
        if key.lower() in _FORM:
            raise ValueError(f"{key}: expected it once, got it again with another value; correct the comment line")
        comment.notes.append(f"{key[:40]}: expected one value, got several; correct them, they were left out")
    return comment


def vector(text: str) -> list[float] | str:
    """The numbers of a value, separated by blanks or commas, with or without brackets; the text if it has others."""
    try:
        return parse_numbers(_words(text))
    except ValueError:
        return text


def _pairs(line: str) -> tuple[dict[str, str], set[str], bool]:
    """The pairs of a line, the keys with several values, and whether there is nothing else in the line."""
    pairs: dict[str, str] = {}
    repeated: set[str] = set()
    only_pairs, key = True, ""
    for match in _TOKEN.finditer(line):
        token = match[0]
        if token.startswith("="):
            value = match[1]
            if not key or value is None:
                only_pairs = False
            elif _bare(value) != pairs.setdefault(key, _bare(value)):
                repeated.add(key)
            key = ""
        elif token not in (",", ";"):
            only_pairs = only_pairs and not key
            key = _bare(token)
    return pairs, repeated, only_pairs and not key


def _bare(token: str) -> str:
    if len(token) > 1 and token[0] + token[-1] in ('""', "''", "{}", "[]"):
        return token[1:-1].replace('\\"', '"').strip()
    return token.rstrip(",;")


def _value(pairs: dict[str, str], name: str) -> str:
    return next((value for key, value in pairs.items() if key.lower() == name), "")


def _cell(lattice: str, has_columns: bool, comment: XyzComment) -> list[list[float]] | None:
    numbers = vector(lattice) if lattice else ""
    if isinstance(numbers, str):
        if has_columns and lattice:
            raise ValueError(f"Lattice: expected nine numbers, got {lattice[:40]!r}; correct it")
        return None
    if len(numbers) == 9:
        return [numbers[0:3], numbers[3:6], numbers[6:9]]
    if has_columns or len(numbers) > 1:
        raise ValueError(f"Lattice: expected nine numbers, got {len(numbers)}; correct it")
    comment.notes.append(
        'Lattice: expected nine numbers, as Lattice="a1 a2 a3 b1 b2 b3 c1 c2 c3", got one; write all in quotation '
        "marks, the cell was left out"
    )
    return None


def _pbc(text: str) -> list[bool] | None:
    flags = [_FLAGS.get(word.upper()) for word in _words(text)]
    if len(flags) not in (1, 3) or None in flags:
        return None
    return [bool(flag) for flag in flags] * (3 // len(flags))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\s,\[\]{}]+", text)
