"""The atoms of one model as a PDB or mmCIF file lists them, before anything is chosen or left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

BLANK = " "
"""The alternate location of an atom that has none."""


@dataclass(frozen=True)
class Texts:
    """One text per atom, each distinct text stored once.

    Attributes:
        values: the distinct texts.
        codes: [N] the row of ``values`` of each atom.
    """

    values: list[str]
    codes: np.ndarray

    @staticmethod
    def of(texts: list[str]) -> Texts:
        """The texts of a list with one entry per atom."""
        values: dict[str, int] = {}
        codes = [values.setdefault(text, len(values)) for text in texts]
        return Texts(list(values), np.array(codes, dtype=np.int64))

    def stripped(self) -> Texts:
        """The texts without the blanks around them."""
        found = Texts.of([value.strip() for value in self.values])
        return Texts(found.values, found.codes[self.codes])

    def at(self, row: int | np.integer) -> str:
        """The text of one atom."""
        return self.values[self.codes[row]]


class Residue(NamedTuple):
    """What the file says of a residue.

    Attributes:
        name: its name.
        chain: its chain, or its segment if it has no chain.
        number: its number; 0 if the file has none.
        insertion: its insertion code.
        segment: its segment, or another name that tells equal chains apart.
        hetatm: whether its atoms are HETATM records.
        copy: how many other residues with the same label come before it.
    """

    name: str
    chain: str
    number: int
    insertion: str = ""
    segment: str = ""
    hetatm: bool = False
    copy: int = 0

    @property
    def code(self) -> str:
        """The name in capitals, as tables list it."""
        return self.name.upper()

    @property
    def label(self) -> str:
        """Name, chain, and number with insertion code: ``"NFT/A/283"``."""
        return f"{self.name}/{self.chain}/{self.number}{self.insertion}"


class AtomTable(NamedTuple):
    """The atoms of one model, [N] each.

    Attributes:
        name: atom names, in PDB files with the four columns that they fill.
        symbol: what the file gives as element, or empty.
        altloc: alternate locations, one character; a blank for none.
        occupancy: occupancies.
        pos: [N, 3] positions in Å.
        residue: row of ``residues``.
        residues: the distinct residues.
        part: how many chain ends (TER) come before the atom.
        line: the lines of the atoms in the file, counted from 1; empty if not known.
        aligned: whether the names stand in the columns that PDB gives them.
    """

    name: Texts
    symbol: Texts
    altloc: np.ndarray
    occupancy: np.ndarray
    pos: np.ndarray
    residue: np.ndarray
    residues: list[Residue]
    part: np.ndarray
    line: np.ndarray
    aligned: bool = True

    def describe(self, row: int | np.integer) -> str:
        """The name and the residue of an atom, for messages."""
        return f"atom {self.name.at(row).strip()!r} of {self.residues[self.residue[row]].label}"
