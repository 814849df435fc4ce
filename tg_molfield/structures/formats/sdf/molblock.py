"""The atoms of a MOL block, checked before RDKit reads its bonds; messages give the line."""

from __future__ import annotations

import re

from tg_molfield.structures.formats.sdf.atom_table import AtomTable
from tg_molfield.structures.formats.sdf.v2000 import read_v2000_atoms
from tg_molfield.structures.formats.sdf.v3000 import read_v3000_atoms

_COUNTS_LINE = re.compile(r"[ 0-9]{6}.*V[23]000\s*")


def read_atoms(lines: list[str]) -> AtomTable:
    """The atoms of a MOL block in which counts, coordinates, elements and bonded atoms are valid.

    Args:
        lines: the block, from the title to ``M  END``.

    Raises:
        ValueError: something in the block is not valid.
    """
    if len(lines) < 4:
        raise ValueError(f"MOL block: expected at least 4 lines, got {len(lines)}; remove the record")
    table = read_v3000_atoms(lines) if "V3000" in lines[3] else read_v2000_atoms(lines)
    if not lines[-1].startswith("M  END"):
        raise ValueError(f"last line: expected 'M  END', got {lines[-1][:40]!r}; restore the missing lines")
    if not table.numbers:
        raise ValueError("atoms: expected at least 1, got none; remove the record")
    return table


def check_one_block(lines: list[str], end: int) -> None:
    """Refuse a record with a header of another length than three lines, or with a second MOL block.

    Args:
        lines: the record.
        end: number of lines up to the first ``M  END``.

    Raises:
        ValueError: it is such a record; of two blocks, the ``$$$$`` between them is missing or misspelt.
    """
    counts = [row for row, line in enumerate(lines) if "000" in line and _COUNTS_LINE.fullmatch(line)]
    if counts and counts[0] != 3 and counts[0] < 8:
        raise ValueError(
            f"header: expected 3 lines before the counts line, got {counts[0]}; "
            "the title, the program and the comment may be blank, but each has a line"
        )
    another = counts[1:] + [row for row in range(end, len(lines)) if lines[row].startswith("M  END")]
    if another:
        raise ValueError(
            f"MOL block: expected one before the line '$$$$', got another in line {min(another) + 1} of the record; "
            "put '$$$$' between the two"
        )
