"""One record of a MOL2 file, taken apart into its sections.

The format is Tripos's (Tripos Mol2 File Format, SYBYL 7.1, 2005): free columns, comments after ``#``, and lines that
a backslash continues.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import islice

from tg_molfield.text_numbers import parse_number, parse_numbers

_SECTION = "@<TRIPOS>"
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_COUNTS = re.compile(r"\s*[0-9]+(\s+[0-9]+)*\s*")
_LARGEST_CHARGE = 99
_STATUS_BITS = {"DSPMOD", "TYPECOL", "CAP", "BACKBONE", "DICT", "ESSENTIAL", "WATER", "DIRECT", "****"}


@dataclass(frozen=True)
class Mol2Record:
    """The sections of a record.

    Attributes:
        title: name of the molecule, may be empty.
        charge_type: how the charges were made, in capitals, such as ``NO_CHARGES``; may be empty.
        ids: [N] atom numbers of the file, as text.
        names: [N] atom names.
        pos: [N, 3] positions in Å.
        kinds: [N] atom types.
        charges: [N] charges as text, empty where the row has none.
        bonds: the two atom numbers and the type of each bond, as text.
        formal_charges: by atom number, from the section ``UNITY_ATOM_ATTR``; None if it gives none.
    """

    title: str
    charge_type: str
    ids: list[str]
    names: list[str]
    pos: list[list[float]]
    kinds: list[str]
    charges: list[str]
    bonds: list[list[str]]
    formal_charges: dict[str, float] | None


def title_of(block: str) -> str:
    """The title of a record that may be broken."""
    return _header(block.split("\n" + _SECTION, 1)[0].split("\n"))[0]


def parse_mol2(block: str) -> Mol2Record:
    """The sections of a record.

    Args:
        block: its lines after ``@<TRIPOS>MOLECULE``.

    Raises:
        ValueError: a count is wrong, or a row is broken; the message gives it.
    """
    sections = _sections(block)
    title, counts, charge_type = _header(sections["MOLECULE"])
    if not _COUNTS.fullmatch(counts):
        raise ValueError(
            f"line 3 of the record: expected the number of atoms first, got {counts.strip()[:40]!r}; correct the line"
        )
    expected = [int(word[:10]) for word in counts.split()]
    atoms = [line.split() for line in _logical_lines(sections.get("ATOM", []))]
    if len(atoms) != expected[0]:
        raise ValueError(
            f"atoms: expected {expected[0]} by line 3 of the record, got {len(atoms)}; "
            "correct the count, or restore the missing lines"
        )
    for number, row in enumerate(atoms, start=1):
        if len(row) < 6:
            raise ValueError(
                f"atom line {number}: expected number, name, x, y, z and type, got {' '.join(row)[:40]!r}; "
                "complete the line"
            )
    bonds = [line.split()[1:4] for line in _logical_lines(sections.get("BOND", []))]
    if len(expected) > 1 and len(bonds) < expected[1]:
        raise ValueError(
            f"bonds: expected {expected[1]} by line 3 of the record, got {len(bonds)}; "
            "correct the count, or restore the missing lines"
        )
    return Mol2Record(
        title,
        charge_type,
        [row[0] for row in atoms],
        [row[1] for row in atoms],
        _positions(atoms),
        [row[5] for row in atoms],
        [_charge(row) for row in atoms],
        bonds,
        _formal_charges(list(_logical_lines(sections.get("UNITY_ATOM_ATTR", [])))),
    )


def column_sum(record: Mol2Record) -> float | None:
    """The sum of the charge column, lone pairs included; None where the record has no charges there."""
    try:
        charges = [parse_number(text) for text in record.charges]
    except ValueError:
        return None
    return sum(charges) if record.charge_type != "NO_CHARGES" and any(charges) else None


def _sections(block: str) -> dict[str, list[str]]:
    """The lines of each section by name; those of a section that is given twice follow each other.

    Raises:
        ValueError: the name of a section is damaged.
    """
    lines: list[str] = []
    sections = {"MOLECULE": lines}
    for line in block.split("\n"):
        if line.startswith(_SECTION):
            name = line[len(_SECTION) :].strip().upper()
            if not _NAME.fullmatch(name) or (name.startswith("MOLECULE") and name != "MOLECULE"):
                raise ValueError(f"section: expected a name of the format, got {line[:40]!r}; correct the line")
            lines = sections.setdefault(name, [])
        else:
            lines.append(line)
    return sections


def _header(lines: list[str]) -> tuple[str, str, str]:
    """Title, line of counts and type of the charges.

    A title may be blank, or begin with ``#`` as a comment does: it is what stands before the counts.
    """
    rows = [*lines, "", "", ""]
    start = 0
    while _is_comment(rows[start]) and (not _is_counts(rows[start + 1]) or _is_counts(rows[start + 2])):
        start += 1
    rows = rows[start:]
    if _is_counts(rows[0]) and not _is_counts(rows[1]):
        rows.insert(0, "")
    counts, _, charge_type, *_ = [row for row in rows[1:] if not _is_comment(row)] + ["", "", ""]
    return rows[0].strip(), counts, charge_type.strip().upper()


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _is_counts(line: str) -> bool:
    return _COUNTS.fullmatch(line) is not None


def _logical_lines(lines: list[str]) -> list[str]:
    """Lines without comments and blank ones, each joined with those that continue it."""
    found: list[str] = []
    begun: list[str] = []
    for line in lines:
        text = line.strip()
        if not begun and (not text or text.startswith("#")):
            continue
        if text.endswith("\\"):
            begun.append(text[:-1])
        else:
            found.append(" ".join([*begun, text]))
            begun = []
    return [*found, " ".join(begun)] if begun else found


def _positions(atoms: list[list[str]]) -> list[list[float]]:
    try:
        numbers = parse_numbers([word for row in atoms for word in row[2:5]])
    except ValueError:
        for number, row in enumerate(atoms, start=1):
            try:
                parse_numbers(row[2:5])
            except ValueError as error:
                raise ValueError(
                    f"atom line {number}: expected x, y and z after the name, got {' '.join(row)[:40]!r}; "
                    "correct the line"
                ) from error
        raise
    return [numbers[start : start + 3] for start in range(0, len(numbers), 3)]


def _charge(row: list[str]) -> str:
    """The charge of an atom row: its last word but status bits, as the name of the substructure may have blanks."""
    return next((word for word in reversed(row[8:]) if not set(word.upper().split("|")) <= _STATUS_BITS), "")


def _formal_charges(lines: list[str]) -> dict[str, float] | None:
    """The attributes ``charge`` by atom number: a line ``atom count`` precedes ``count`` lines ``name value``."""
    charges: dict[str, float] = {}
    rows = iter(lines)
    for line in rows:
        words = line.split()
        if len(words) < 2 or not words[1].isdecimal():
            raise ValueError(
                f"UNITY_ATOM_ATTR: expected an atom and its number of attributes, got {line[:40]!r}; correct the line"
            )
        for attribute in islice(rows, int(words[1][:10])):
            name, _, value = attribute.partition(" ")
            if name.lower() == "charge":
                charges[words[0]] = _formal_charge(words[0], value.strip())
    return charges or None


def _formal_charge(atom: str, text: str) -> float:
    try:
        charge = parse_number(text)
    except ValueError:
        charge = math.nan
    if not abs(charge) <= _LARGEST_CHARGE:
        raise ValueError(
            f"UNITY_ATOM_ATTR: expected a charge of atom {atom[:40]} up to {_LARGEST_CHARGE}, got {text[:40]!r}; "
            "correct the line"
        )
    return charge
