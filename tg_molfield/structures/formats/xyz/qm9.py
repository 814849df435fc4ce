"""The raw files of QM9, which are XYZ with a header of properties and three more lines.

Ramakrishnan et al., Quantum chemistry structures and properties of 134 kilo molecules, Sci. Data 1, 140022 (2014).
"""

from __future__ import annotations

import re

from tg_molfield.structures.formats.xyz.columns import PLAIN

PROPERTIES = ("A", "B", "C", "mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "U0", "U", "H", "G", "Cv")
"""The numbers of the header in their order: GHz, D, Bohr³, Hartree, Bohr² and cal/(mol K)."""

COLUMNS = PLAIN + ":charges:R:1"
"""The columns of an atom line; the charges are Mulliken's, in e."""

_HEADER = re.compile(r"\s*gdb[\s_]+([0-9]+)(?=\s|$)")


def qm9_name(comment: str) -> str:
    """``gdb_1`` for a header that begins with ``gdb 1`` and has no key=value pairs; empty for any other comment."""
    match = None if "=" in comment else _HEADER.match(comment)
    return f"gdb_{match[1]}" if match else ""


def qm9_properties(comment: str) -> dict[str, str]:
    """The 15 properties of a complete header by name; none of another."""
    values = comment.split()[2:]
    return dict(zip(PROPERTIES, values, strict=True)) if len(values) == len(PROPERTIES) else {}


def lines_after(comment: str, rest: list[str]) -> int:
    """How many lines belong to the frame after its atoms: frequencies, SMILES and InChI.

    Args:
        comment: the second line of the frame.
        rest: the next three lines, fewer at the end of the file.
    """
    return 3 if qm9_name(comment) and len(rest) == 3 and rest[2].startswith("InChI=") else 0
