"""The residue columns of a PDB file: alternate location, residue name, chain, number and segment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tg_molfield.structures.formats.macromolecule.residue_names import four_letter_names, is_known, tabulated
from tg_molfield.structures.formats.macromolecule.table import BLANK, Residue, Texts
from tg_molfield.structures.formats.pdb.columns import Columns
from tg_molfield.structures.formats.pdb.numbers import parse_residue_number


class ResidueColumns(NamedTuple):
    """The residues of one model.

    Attributes:
        altloc: [N] alternate locations, one character.
        residue: [N] row of ``residues``.
        residues: the distinct residues.
        faults: what is wrong with the residue number of a line, by its row.
    """

    altloc: np.ndarray
    residue: np.ndarray
    residues: list[Residue]
    faults: dict[int, str]


def read_residues(columns: Columns, rows: slice) -> ResidueColumns:
    """The residues of the atom lines ``rows``."""
    names = columns.texts(16, 22, rows)
    wide_chains = any(_has_wide_chain(text) for text in names.values)
    split = [split_residue(text, wide_chains) for text in names.values]
    segments = _segments(columns, rows)
    numbers = columns.matrix[rows, 22:27]
    change = np.ones(len(numbers), dtype=bool)
    change[1:] = (numbers[1:] != numbers[:-1]).any(axis=1) | (segments.codes[1:] != segments.codes[:-1])
    identity = Texts.of(["\0".join(part[1:]) for part in split]).codes[names.codes]
    change[1:] |= identity[1:] != identity[:-1]
    first = np.flatnonzero(change)
    texts = [text.tobytes().decode("ascii") for text in numbers[first]]
    distinct: dict[tuple[str, str, str, str], int] = {}
    residues: list[Residue] = []
    faults: dict[int, str] = {}
    parsed = _parse_numbers(texts)
    of_run = np.empty(len(first), dtype=np.int64)
    for run, (row, text) in enumerate(zip(first.tolist(), texts, strict=True)):
        _, name, chain = split[names.codes[row]]
        segment = segments.at(row)
        key = (name, chain, segment, text)
        if key not in distinct:
            number = parsed[text]
            if isinstance(number, str):
                faults[row] = number
                number = (0, "")
            distinct[key] = len(residues)
            hetatm = columns.matrix[rows.start + row, 0] in b"Hh"
            residues.append(Residue(name, chain or segment, *number, segment, hetatm))
        of_run[run] = distinct[key]
    altloc = np.array([part[0] for part in split])[names.codes]
    return ResidueColumns(altloc, of_run[np.cumsum(change) - 1], residues, faults)


def split_residue(text: str, wide_chains: bool = False) -> tuple[str, str, str]:
    """Alternate location, residue name and chain from columns 17 to 22.

    Names of four letters use column 21, or column 17; chains of two letters use column 21 too.

    Args:
        text: the six columns.
        wide_chains: whether the model has chains of two letters.
    """
    location, three, extra, chain = text[0], text[1:4], text[4], text[5].strip()
    if extra == " ":
        if (location + three).upper() in four_letter_names() and not is_known(three.strip().upper()):
            return BLANK, location + three, chain
        return location, three.strip(), chain
    four = (three + extra).strip()
    fits = three[2] != " " and " " not in three.strip() and chain
    listed = four.upper() in four_letter_names() and not is_known(three.strip().upper())
    if fits and wide_chains and not listed:
        return location, three.strip(), extra + chain
    return location, four, chain


def _has_wide_chain(text: str) -> bool:
    """Whether columns 17 to 22 hold an amino acid, a nucleotide or a water, and a chain of two letters."""
    known = tabulated(text[1:4].strip().upper())
    return (
        " " not in text[4:6]
        and text[1:5].upper() not in four_letter_names()
        and (known.is_amino_acid() or known.is_nucleic_acid() or known.is_water())
    )


def _segments(columns: Columns, rows: slice) -> Texts:
    """The segments in columns 73 to 76; none if they hold line numbers, as before 1996, or partial charges."""
    tails = columns.texts(72, 80, rows)
    digits = [tail[4:8].strip() for tail in tails.values]
    if all(text.isdecimal() for text in digits) or any("." in tail[:4] for tail in tails.values):
        return Texts([""], np.zeros(len(tails.codes), dtype=np.int64))
    parts = Texts.of([tail[:4].strip() for tail in tails.values])
    return Texts(parts.values, parts.codes[tails.codes])


def _parse_numbers(texts: list[str]) -> dict[str, tuple[int, str] | str]:
    """The residue numbers by their text; a message for those that are none."""
    parsed: dict[str, tuple[int, str] | str] = {}
    for text in dict.fromkeys(texts):
        try:
            parsed[text] = parse_residue_number(text)
        except ValueError as error:
            parsed[text] = str(error)
    return parsed
