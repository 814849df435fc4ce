"""Atoms that a file lists twice: an error, unless they belong to two residues that share a number."""

from __future__ import annotations

import numpy as np

from tg_molfield.chem.elements import symbols
from tg_molfield.structures.formats.macromolecule.kinds import Kind
from tg_molfield.structures.formats.macromolecule.table import BLANK, AtomTable

CLOSE = 1.0
"""Distance in Å below which two atoms with the same label cannot be atoms of two residues."""

SHORTEST = 0.7
"""Distance in Å below which two hydrogens cannot be bonded."""

OVERFLOW = 9999
"""Number of residues above which the four columns of the residue number start again."""


def separate_copies(table: AtomTable, kinds: np.ndarray, z: np.ndarray) -> tuple[AtomTable, np.ndarray]:
    """The table and the kinds with several residues of one label told apart.

    Several residues may share chain, number and name if they are waters or whole copies of a molecule, if a TER record
    lies between them, or if other residues do and they have no chain and segment or the model has more residues than
    numbers. A residue whose atoms are named by their elements alone, as ASE and Open Babel write molecules, is one.

    Args:
        table: the atoms.
        kinds: the kinds of its residues.
        z: [N] atomic numbers.

    Raises:
        ValueError: the same atom is listed twice: same residue, name and alternate location.
    """
    altloc = np.unique(table.altloc, return_inverse=True)[1].reshape(-1)
    shape = (len(table.residues), len(table.name.values), int(altloc.max()) + 1)
    key = np.ravel_multi_index((table.residue, table.name.codes, altloc), shape)
    order = np.argsort(key, kind="stable")
    repeats = key[order][1:] == key[order][:-1]
    if not repeats.any():
        return table, kinds
    first, second = order[:-1][repeats], order[1:][repeats]
    run = np.cumsum(np.diff(table.residue, prepend=0) != 0)
    numbers_restart = _may_restart(table)[table.residue[first]] & (run[first] != run[second])
    legal = numbers_restart | _may_share(table, kinds)[table.residue[first]] | (table.part[first] != table.part[second])
    distance = np.linalg.norm(table.pos[first] - table.pos[second], axis=1)
    legal &= distance > CLOSE
    unnamed = _unnamed(table, kinds, z)[table.residue[first]] & ~legal
    legal |= unnamed & (distance > np.where(z[first] == 1, SHORTEST, CLOSE))
    if not legal.all():
        raise ValueError(_message(table, *min(zip(first[~legal].tolist(), second[~legal].tolist(), strict=True))))
    starts = np.flatnonzero(np.concatenate([[True], ~repeats]))
    repeats[repeats] = ~unnamed
    earlier = np.concatenate([[0], np.cumsum(repeats)])
    copy = np.empty(len(order), dtype=np.int64)
    copy[order] = earlier - np.repeat(earlier[starts], np.diff(np.append(starts, len(order))))
    distinct, residue = np.unique(copy * len(table.residues) + table.residue, return_inverse=True)
    copies, original = np.divmod(distinct, len(table.residues))
    residues = [
        table.residues[row]._replace(copy=number)
        for number, row in zip(copies.tolist(), original.tolist(), strict=True)
    ]
    return table._replace(residue=residue.reshape(-1), residues=residues), kinds[original]


def _may_restart(table: AtomTable) -> np.ndarray:
    """[residues] whether a later residue may have the label again."""
    if len(table.residues) > OVERFLOW:
        return np.ones(len(table.residues), dtype=bool)
    return np.array([not residue.chain and not residue.segment for residue in table.residues])


def _may_share(table: AtomTable, kinds: np.ndarray) -> np.ndarray:
    """[residues] whether residues one after the other may have the label."""
    return (kinds == Kind.WATER) | ((kinds == Kind.OTHER) & _whole_copies(table))


def _unnamed(table: AtomTable, kinds: np.ndarray, z: np.ndarray) -> np.ndarray:
    """[residues] whether the atoms are named by their elements and have no alternate locations."""
    known = np.array(symbols())[z]
    names = np.array([value.capitalize() for value in table.name.values])[table.name.codes]
    named = (names != known) | (table.altloc != BLANK)
    result = np.bincount(table.residue, weights=named, minlength=len(table.residues)) == 0
    blank = np.array([not residue.name for residue in table.residues])
    return result & ((kinds == Kind.OTHER) | blank)


def _whole_copies(table: AtomTable) -> np.ndarray:
    """[residues] whether every atom name occurs equally often."""
    pairs, counts = np.unique(table.residue * len(table.name.values) + table.name.codes, return_counts=True)
    residue = pairs // len(table.name.values)
    least = np.full(len(table.residues), len(table.residue))
    most = np.zeros(len(table.residues), dtype=np.int64)
    np.minimum.at(least, residue, counts)
    np.maximum.at(most, residue, counts)
    return least == most


def _message(table: AtomTable, first: int, second: int) -> str:
    where = f"on lines {table.line[first]} and {table.line[second]}" if len(table.line) else "twice"
    return (
        f"{table.describe(second)}: expected one such atom, got it {where}; give one of them another residue number, "
        "chain or alternate location, or remove it"
    )
