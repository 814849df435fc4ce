"""Chlorine and bromine whose names stand where PDB has those of carbon and boron, as AMBER's LEaP writes them."""

from __future__ import annotations

import re

import numpy as np
import torch

from tg_molfield.chem.elements import element_property
from tg_molfield.structures.formats.macromolecule.table import BLANK, AtomTable

_NAME = re.compile(r" (CL|BR)\d* *")
_NUMBERS = {"CL": 17, "BR": 35}
_TOLERANCE = 0.35
"""Å by which a bond may be longer than the sum of the covalent radii."""
_MAX_Z_WITH_RADIUS = 96


def with_halogens(table: AtomTable, z: np.ndarray) -> np.ndarray:
    """The atomic numbers [N] with chlorine and bromine where the bonds show them.

    An atom without an element in the file, named CL or BR with or without a number, is a halogen if it has one
    neighbour in its residue, at a distance that fits the halogen better than the element ``z``. A carbon of that name
    has more neighbours, or a shorter bond.

    Args:
        table: the atoms.
        z: their atomic numbers by the names alone.
    """
    halogens = {code: match[1] for code, name in enumerate(table.name.values) if (match := _NAME.fullmatch(name))}
    unnamed = [code for code, symbol in enumerate(table.symbol.values) if not symbol]
    rows = np.flatnonzero(np.isin(table.name.codes, [*halogens]) & np.isin(table.symbol.codes, unnamed))
    found = z.copy()
    if not len(rows):
        return found
    atoms = np.argsort(table.residue, kind="stable")
    bounds = np.searchsorted(table.residue[atoms], np.arange(len(table.residues) + 1))
    radii, wanted = _radii(z), _radii(np.arange(36))
    for row in rows.tolist():
        number, residue = _NUMBERS[halogens[int(table.name.codes[row])]], table.residue[row]
        if z[row] != number:
            bond = _only_bond(table, z, radii, row, atoms[bounds[residue] : bounds[residue + 1]], wanted[number])
            if abs(bond - wanted[number]) < abs(bond - radii[row]):
                found[row] = number
    return found


def _only_bond(
    table: AtomTable, z: np.ndarray, radii: np.ndarray, row: int, residue: np.ndarray, radius: float
) -> float:
    """The distance of an atom's only neighbour among the rows ``residue``, less the radius of the neighbour.

    0 if there is none, or more than one.
    """
    location = table.altloc[row]
    together = (location == BLANK) | (table.altloc[residue] == location) | (table.altloc[residue] == BLANK)
    mates = residue[together & (residue != row) & (z[residue] > 0)]
    bonds = np.linalg.norm(table.pos[mates] - table.pos[row], axis=1) - radii[mates]
    near = bonds[bonds < radius + _TOLERANCE]
    return float(near[0]) if len(near) == 1 else 0.0


def _radii(z: np.ndarray) -> np.ndarray:
    return element_property("covalent_radius", torch.from_numpy(z.clip(1, _MAX_Z_WITH_RADIUS))).numpy()
