"""Disorder in a crystal: which of the sites that exclude one another are kept, and in which of their images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from tg_molfield.chem.components import components
from tg_molfield.chem.elements import element_property
from tg_molfield.structures.formats.cif.crystal.contacts import periodic_contacts
from tg_molfield.structures.formats.cif.crystal.operators import SymmetryOperators, coset_representatives
from tg_molfield.structures.formats.cif.crystal.sites import Sites

FULL = 0.999
"""Smallest occupancy that counts as full."""

BOND = 0.4
"""Two sites are in the same place or bonded up to this distance in Å beyond the sum of their covalent radii."""

OVERLAP = 0.6
"""Two atoms cannot be closer than this fraction of the sum of their covalent radii."""

SAME_ATOM = 0.4
"""Images of one site closer than this distance in Å are one atom on a special position."""


class _Group(NamedTuple):
    """The sites of one disorder group in one place.

    Attributes:
        number: of the group in the file, negative if it is disordered about a symmetry element.
        rows: of its sites.
        population: fraction of the time that one of its images is there.
        kept: [n] operators whose images do not exclude one another.
    """

    number: int
    rows: np.ndarray
    population: float
    kept: np.ndarray


def choose_disorder(sites: Sites, operators: SymmetryOperators, cell: np.ndarray, notes: list[str]) -> np.ndarray:
    """[N, n] whether the image of a site by an operator is kept.

    Groups are alternatives within a disorder assembly. Where the file has no assemblies, they are alternatives in
    one place: sites are in one place if they are closer than a bond, directly or by others between them. Of
    the alternatives the one with the highest occupancy is kept. Of a group that overlaps its own images by symmetry
    one image is kept in each place.

    Args:
        sites: the sites.
        operators: the operators of the space group.
        cell: [3, 3] cell vectors in rows, in Å.
        notes: gets what may not be as the file means it.

    Raises:
        ValueError: a site outside of disorder groups is partly occupied, or images overlap in a way that leaves no
            choice of one in each place.
    """
    kept = np.ones((len(sites.labels), len(operators)), dtype=np.bool_)
    partial = np.flatnonzero((sites.group == 0) & ~(sites.occupancy >= FULL))
    if len(partial):
        row = int(partial[0])
        raise ValueError(
            f"site {sites.labels[row][:40]!r}: expected full occupancy or a disorder group, got occupancy "
            f"{sites.occupancy[row]:g}; write a CIF with one disorder component at full occupancy"
        )
    if not sites.group.any():
        return kept
    disordered = np.flatnonzero(sites.group)
    radii = np.zeros(len(kept))
    radii[disordered] = element_property("covalent_radius", torch.as_tensor(sites.z[disordered])).numpy()
    incomplete, found = [], []
    for rows, excluding in _places(sites, operators, cell, disordered, radii):
        groups = [
            _group(sites, operators, cell, rows[sites.group[rows] == number], radii)
            for number in np.unique(sites.group[rows])
        ]
        groups.sort(key=lambda group: (-round(group.population, 6), abs(group.number), -group.number))
        kept[rows] = False
        found += groups
        if len(groups) == 1 and groups[0].population < FULL:
            incomplete.append(groups[0])
            continue
        single = sum(group.population for group in groups) < 1.05
        taken: list[_Group] = []
        for group in groups:
            clash = any(single or (group.number, other.number) in excluding for other in taken)
            if group.population >= FULL or not clash:
                taken.append(group)
        for group in taken:
            kept[group.rows] = group.kept
            _note_images(group, sites, notes)
    _keep_incomplete(incomplete, found, sites, kept, notes)
    return kept


def _places(
    sites: Sites, operators: SymmetryOperators, cell: np.ndarray, rows: np.ndarray, radii: np.ndarray
) -> Iterator[tuple[np.ndarray, set[tuple[int, int]]]]:
    """The disordered sites by assembly or place, each with the pairs of groups that exclude one another there."""
    fract, radius, count = sites.fract[rows], radii[rows], len(operators)
    images = operators.images(fract).reshape(-1, 3)
    found = periodic_contacts(fract, images, cell, 2 * float(radius.max()) + BOND)
    first, second = found.first, found.second // count
    close = found.distance <= radius[first] + radius[second] + BOND
    first, second = first[close], second[close]
    assembly = np.array([sites.assembly[row] for row in rows])
    linked = (assembly[first] == "") & (assembly[second] == "")
    place = components(np.column_stack([first[linked], second[linked]]), len(rows))
    for name in np.unique(assembly[assembly != ""]):
        place[assembly == name] = place.max() + 1
    group = sites.group[rows]
    for label in np.unique(place):
        inside = (place[first] == label) & (place[second] == label) & (group[first] != group[second])
        excluding = set(zip(group[first[inside]].tolist(), group[second[inside]].tolist(), strict=True))
        yield rows[place == label], excluding


def _group(sites: Sites, operators: SymmetryOperators, cell: np.ndarray, rows: np.ndarray, radii: np.ndarray) -> _Group:
    """A group with the images that are kept of it."""
    number, occupancy = int(sites.group[rows[0]]), float(sites.occupancy[rows].mean())
    kept = coset_representatives(operators, _overlapping_images(sites, operators, cell, rows, radii))
    if kept is None:
        raise ValueError(
            f"site {sites.labels[rows[0]][:40]!r}: expected images by symmetry that overlap in sets, got a chain of "
            "them; write a CIF of one disorder component in lower symmetry"
        )
    population = occupancy * len(operators) / int(kept.sum())
    if population > 1.05 and not kept.all():
        raise ValueError(
            f"site {sites.labels[rows[0]][:40]!r}: expected an occupancy of at most {kept.mean():.3g}, its images by "
            f"symmetry overlap, got {occupancy:g}; write a CIF of one disorder component in lower symmetry"
        )
    return _Group(number, rows, population, kept)


def _overlapping_images(
    sites: Sites, operators: SymmetryOperators, cell: np.ndarray, rows: np.ndarray, radii: np.ndarray
) -> np.ndarray:
    """[n] operators whose image of the group cannot exist beside the group.

    In a partly occupied negative group no site is bonded to an image of the group (PART of SHELX), so that bonds count
    as overlap.
    """
    fract, radius, count = sites.fract[rows], radii[rows], len(operators)
    found = periodic_contacts(fract, operators.images(fract).reshape(-1, 3), cell, 2 * float(radius.max()) + BOND)
    second, operator = found.second // count, found.second % count
    sums = radius[found.first] + radius[second]
    suppressed = sites.group[rows[0]] < 0 and sites.occupancy[rows].mean() < FULL
    close = found.distance < (sums + BOND if suppressed else OVERLAP * sums)
    close &= (found.first != second) | (found.distance > SAME_ATOM)
    result = np.zeros(count, dtype=np.bool_)
    result[operator[close]] = True
    return result


def _note_images(group: _Group, sites: Sites, notes: list[str]) -> None:
    if not group.kept.all():
        count = round(1 / group.kept.mean())
        notes.append(
            f"site {sites.labels[group.rows[0]][:40]!r}: expected one position, got {count} that overlap by symmetry; "
            "one of them was kept in each place, which breaks the symmetry"
        )


def _keep_incomplete(
    groups: list[_Group], others: list[_Group], sites: Sites, kept: np.ndarray, notes: list[str]
) -> None:
    """Decide on groups without an alternative in their place: present if that is more likely than not.

    Of several with even odds those with the lowest number are kept. Groups to whose occupancy that of another group
    adds up to 1 are its alternative in another place, which is nothing to note.
    """
    even = min((abs(group.number) for group in groups if abs(group.population - 0.5) <= 0.01), default=0)
    labels: dict[str, list[str]] = {"kept": [], "left out": []}
    for group in groups:
        present = group.population > 0.51 or (group.population >= 0.49 and abs(group.number) == even)
        if present:
            kept[group.rows] = group.kept
        if not any(
            group.number != other.number and abs(group.population + other.population - 1) <= 0.02 for other in others
        ):
            labels["kept" if present else "left out"] += [sites.labels[row][:40] for row in group.rows]
    for fate, names in labels.items():
        if names:
            notes.append(
                f"site {names[0]!r}: expected disorder groups whose occupancies add up to 1, got {len(names)} sites in "
                f"groups without an alternative; they were {fate} by their occupancy, check that"
            )
