"""Which entries are conformers of one molecule: those with the same atoms and bonds in the same order."""

from __future__ import annotations

import hashlib
import re

from tg_molfield.structures.library.entries import Entry

_NO_NUMBERS = dict.fromkeys(map(ord, "0123456789.+- \t"))
_V3000_ATOMS = re.compile(r"^M  V30 BEGIN ATOM.*?^M  V30 END ATOM", re.M | re.S)
_HEADER, _COUNTS = 3, 1


def constitution(entry: Entry) -> str:
    """A digest of the atoms and bonds of an entry: of its atoms without any numbers, and of its bonds.

    The bonds of a ``Data`` are its ``edge_index``, if it has one.
    """
    if entry.kind == "data":
        edges = getattr(entry.content, "edge_index", None)
        atoms, bonds = str(entry.content.z.tolist()), str(None if edges is None else edges.tolist())
    elif entry.kind == "smiles":
        atoms, bonds = "", entry.content.split()[0]
    elif entry.kind == ".mol2":
        atoms, bonds = (_section(entry.content, name) for name in ("ATOM", "BOND"))
        atoms = atoms.translate(_NO_NUMBERS)
    else:
        atoms, bonds = _of_block(entry.content.partition("\nM  END")[0])
        atoms = atoms.translate(_NO_NUMBERS)
    return hashlib.sha256(f"{atoms}\n{bonds}".encode()).hexdigest()[:16]


def _of_block(text: str) -> tuple[str, str]:
    """The atoms of a MOL block, and what else it has but its header."""
    if found := _V3000_ATOMS.search(text):
        return found[0], text[found.end() :]
    lines = text.split("\n")[_HEADER:]
    count = lines[0][:3].strip()
    end = _COUNTS + (int(count) if count.isdecimal() else 0)
    return "\n".join(lines[:end]), "\n".join(lines[end:])


def _section(text: str, name: str) -> str:
    """The rows of a section of a MOL2 record, up to the next one or to a comment."""
    rows = text.partition(f"@<TRIPOS>{name}")[2]
    return rows.partition("\n@")[0].partition("\n#")[0].rstrip()
