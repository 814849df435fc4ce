"""The elements of the atoms, by the element columns, by what the residue is, and else by the atom names."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tg_molfield.chem.elements import atomic_numbers
from tg_molfield.structures.formats.elements import LABEL_LIKE
from tg_molfield.structures.formats.macromolecule.halogens import with_halogens
from tg_molfield.structures.formats.macromolecule.kinds import Kind
from tg_molfield.structures.formats.macromolecule.residue_names import ions, is_standard, names_of, tabulated
from tg_molfield.structures.formats.macromolecule.table import AtomTable, Texts

STANDARD = frozenset({1, 6, 7, 8, 15, 16, 34})
"""Elements of the standard amino acids and nucleotides: H, C, N, O, P, S, Se."""

_HYDROGENS = frozenset(("HE", "HF", "HO", "HS"))
"""Symbols that stand for a hydrogen with a letter wherever a residue has more atoms."""

_ALONE = frozenset("DKUVWY")
"""Symbols that name an element only if no other letter follows: "UNK" is not uranium."""

_MASSLESS = re.compile(r"(LP|EP)[A-Z0-9]*|M(CH|NH)[A-Z0-9]*")
_MASSLESS_IN_WATER = re.compile(r"(M|E|L|OM|IW|XW)[A-Z0-9]*")


class Elements(NamedTuple):
    """The elements of a model, [N] each.

    Attributes:
        z: atomic numbers; 0 where unknown, or where the site has no mass.
        guessed: whether the atom name alone gave the element, or says another element than the file.
        massless: whether the site is a lone pair, an extra point of a water model or a Drude particle.
    """

    z: np.ndarray
    guessed: np.ndarray
    massless: np.ndarray


def assign_elements(table: AtomTable, kinds: np.ndarray, names: dict[str, frozenset[str]]) -> Elements:
    """The element of every atom of ``table``.

    The element columns are followed, except where they contradict what the residue is: atoms of standard residues are
    H, C, N, O, P, S or Se ("HO" for an HO'2 hydrogen is none of them), ions are what their residue name says
    (sodium for "SOD"), and waters are O and H. Without element columns these residues are still certain; the
    elements of all others are guessed from the columns that the atom name fills, and from the bonds of what may be
    chlorine or bromine.

    Args:
        table: the atoms.
        kinds: the kinds of its residues.
        names: the atom names that occur in the residues of each name.
    """
    residue_name = Texts.of([residue.code for residue in table.residues])
    sloppy = _left_justified(table, residue_name) if table.aligned else set(residue_name.values)
    of_atom = residue_name.codes[table.residue]
    waters = kinds[table.residue] == Kind.WATER
    key = np.ravel_multi_index(
        (of_atom, table.name.codes, table.symbol.codes, waters.astype(np.int64)),
        (len(residue_name.values), len(table.name.values), len(table.symbol.values), 2),
    )
    distinct, first, back = np.unique(key, return_index=True, return_inverse=True)
    found = np.zeros((len(distinct), 3), dtype=np.int64)
    for row, atom in enumerate(first.tolist()):
        residue = residue_name.at(table.residue[atom])
        found[row] = _element(
            residue, bool(waters[atom]), table.name.at(atom), table.symbol.at(atom), names[residue], residue in sloppy
        )
    z, guessed, massless = found[back.reshape(-1)].T
    return Elements(with_halogens(table, z), guessed.astype(bool), massless.astype(bool))


@lru_cache(maxsize=16384)
def _element(
    residue: str, water: bool, padded: str, symbol: str, names: frozenset[str], sloppy: bool
) -> tuple[int, bool, bool]:
    """The atomic number of one atom, whether it is guessed, and whether it is a site without mass."""
    name = padded.strip().upper()
    given = atomic_numbers().get(symbol.capitalize(), 1 if symbol.upper() in ("D", "T") else 0)
    drude = given == 0 and name.startswith("D") and name[1:] in names
    letter = name.lstrip("0123456789'*")[:1]
    by_letter = 1 if letter in ("D", "T") else atomic_numbers().get(letter, 0)
    if water and not drude and len(names) > 1 and _MASSLESS_IN_WATER.fullmatch(name):
        return 0, False, True
    if water and not drude and (given in (1, 8) or by_letter in (1, 8)):
        return given if given in (1, 8) else by_letter, False, False
    if ion := _ion(residue, name, given, names):
        return ion, False, False
    if is_standard(residue, names) and not drude:
        if given in STANDARD:
            return given, False, False
        if name.startswith("SE") or by_letter in STANDARD:
            return 34 if name.startswith("SE") else by_letter, False, False
    if alone := _element_residue(residue, name, names):
        return alone, alone != given, False
    if given:
        doubtful = len(names) > 1 and LABEL_LIKE.fullmatch(symbol.upper()) is not None
        if doubtful and symbol.upper() in _HYDROGENS and name.startswith(symbol.upper()):
            return 1, True, False
        return given, doubtful and padded.startswith(" "), False
    if drude or _MASSLESS.fullmatch(name):
        return 0, False, True
    if residue in names_of("lipid") and by_letter in STANDARD:
        return by_letter, False, False
    return (0, False, False) if symbol.upper() == "X" else (_guess(padded, sloppy), True, False)


def _ion(residue: str, name: str, given: int, names: frozenset[str]) -> int:
    """The atomic number of an ion, or 0 if the residue is none."""
    if residue in ("ION", "IONS"):
        return ions().get(name, 0)
    if len(names) == 1 and (given == 0 or ions().get(name) == ions().get(residue)):
        return ions().get(residue, 0)
    return 0


def _element_residue(residue: str, name: str, names: frozenset[str]) -> int:
    """The element that a residue of one atom and the atom are both named after, or 0."""
    bare = residue.strip("0123456789+-")
    if len(names) > 1 or not bare or bare != name.strip("0123456789+-") or tabulated(residue).is_nucleic_acid():
        return 0
    return atomic_numbers().get(bare.capitalize(), 0)


def _guess(padded: str, sloppy: bool) -> int:
    """The element by the columns of the atom name: the symbol ends in the second column, counted with its blanks.

    Args:
        padded: the name in its four columns.
        sloppy: whether the names of the residue start in the first column whatever the element.
    """
    known = {**atomic_numbers(), "D": 1}
    text = re.match(r"[ \d]*([A-Za-z]*)", padded)
    letters = text.group(1) if text else ""
    one, two = letters[:1].upper(), letters[:2].capitalize()
    if letters[1:2].islower() and two in known:
        return known[two]
    if letters.upper() != one and one in _ALONE:
        del known[one]
    if len(two) < 2 or two not in known:
        return known.get(one, 0)
    aligned = len(padded.rstrip()) < 4 and not sloppy and (one != "H" or padded.strip().upper() == "HG")
    if one not in known or (padded[:1].isalpha() and (aligned or not LABEL_LIKE.fullmatch(two.upper()))):
        return known[two]
    return known.get(one, 0)


def _left_justified(table: AtomTable, residue_name: Texts) -> set[str]:
    """The residue names with atom names such as "C1  ", which start one column too early."""
    symbols = atomic_numbers()
    early = np.array(
        [
            value[:1].isalpha()
            and len(value.rstrip()) < 4
            and (len(value.strip()) == 1 or value[:2].capitalize() not in symbols)
            for value in table.name.values
        ]
    )
    codes = np.unique(residue_name.codes[table.residue[early[table.name.codes]]])
    return {residue_name.values[code] for code in codes.tolist()}
