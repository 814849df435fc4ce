"""One location for every atom: which of the alternate locations of a residue are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable

import numpy as np

from tg_molfield.structures.formats.macromolecule.table import BLANK, AtomTable

SAME_SITE = 0.5
"""Distance in Å below which an atom of another location is one of the chosen location under another name."""


def kept_locations(table: AtomTable, kinds: np.ndarray) -> np.ndarray:
    """[N] whether the atom is kept.

    In each residue the location with the highest mean occupancy is chosen, or the first in alphabetical order if they
    are equal. Of two residue names at the same number, the one with the best location is kept. An atom that the chosen
    location lacks is taken from the best location that has it, unless it lies on an atom that is kept (the deuterium
    on a hydrogen). Atoms with a single location are always kept.

    Args:
        table: the atoms.
        kinds: the kinds of its residues.

    Raises:
        ValueError: an occupancy that decides cannot be read.
    """
    keep = np.ones(len(table.residue), dtype=bool)
    lettered = table.altloc != BLANK
    if not lettered.any():
        return keep
    bad = np.flatnonzero(lettered & ~np.isfinite(table.occupancy))
    if len(bad):
        where = f"line {table.line[bad[0]]}: " if len(table.line) else f"{table.describe(bad[0])}: "
        raise ValueError(f"{where}expected an occupancy, got no number; correct it, it decides between locations")
    for rows in _places(table, kinds, lettered):
        by_residue: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            by_residue[int(table.residue[row])].append(row)
        alternatives = _alternatives(table, by_residue, lettered)
        chosen = min(alternatives, key=lambda residue: min(_ranks(table, by_residue[residue])))
        for residue in alternatives:
            if residue != chosen:
                keep[by_residue[residue]] = False
        _choose(table, by_residue[chosen], keep)
        for residue in set(by_residue) - alternatives:
            _choose(table, by_residue[residue], keep)
    return keep


def _places(table: AtomTable, kinds: np.ndarray, lettered: np.ndarray) -> list[list[int]]:
    """The atoms of each residue number that has alternate locations; waters, polymers and others apart."""
    places: dict[Hashable, int] = {}
    place = np.array(
        [
            places.setdefault((res.chain, res.segment, res.number, res.insertion, res.copy, int(kind)), len(places))
            for res, kind in zip(table.residues, kinds, strict=True)
        ]
    )[table.residue]
    rows = np.flatnonzero(np.isin(place, place[lettered]))
    rows = rows[np.argsort(place[rows], kind="stable")]
    return [part.tolist() for part in np.split(rows, np.flatnonzero(np.diff(place[rows])) + 1)]


def _alternatives(table: AtomTable, by_residue: dict[int, list[int]], lettered: np.ndarray) -> set[int]:
    """The residues at one number that exclude each other: those with letters, and those that share atoms with them."""
    found = {residue for residue, rows in by_residue.items() if lettered[rows].any()}
    names = {table.name.codes[row] for residue in found for row in by_residue[residue] if lettered[row]}
    return found | {
        residue for residue, rows in by_residue.items() if not names.isdisjoint(table.name.codes[rows].tolist())
    }


def _ranks(table: AtomTable, rows: list[int]) -> list[tuple[float, str]]:
    """For each location among ``rows``, its mean occupancy, negative, and its letter: the least is the best."""
    occupancies: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        occupancies[str(table.altloc[row])].append(float(table.occupancy[row]))
    return [(-round(sum(values) / len(values), 6), location) for location, values in occupancies.items()]


def _choose(table: AtomTable, rows: list[int], keep: np.ndarray) -> None:
    """Keep one location of each atom of a residue."""
    by_name: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        by_name[int(table.name.codes[row])].append(row)
    choices = [found for found in by_name.values() if len(found) > 1 or table.altloc[found[0]] != BLANK]
    rivals = [row for found in choices for row in found]
    order = [location for _, location in sorted(_ranks(table, rivals))]
    chosen: dict[str, list[int]] = defaultdict(list)
    for found in choices:
        best = min(found, key=lambda row: order.index(str(table.altloc[row])))
        chosen[str(table.altloc[best])].append(best)
    keep[rivals] = False
    kept = [row for row in rows if keep[row]]
    for location in order:
        kept += _apart(table, chosen[location], kept if location != order[0] else [])
    keep[kept] = True


def _apart(table: AtomTable, rows: list[int], others: list[int]) -> list[int]:
    """Those of the atoms ``rows`` that do not lie on one of ``others``."""
    from scipy.spatial import cKDTree

    if not rows or not others:
        return rows
    distance, _ = cKDTree(table.pos[others]).query(table.pos[rows], distance_upper_bound=SAME_SITE)
    return [row for row, far in zip(rows, np.isinf(distance).tolist(), strict=True) if far]
