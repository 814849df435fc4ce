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
    found = z.copy()
    for row in np.flatnonzero(np.isin(table.name.codes, [*halogens]) & np.isin(table.symbol.codes, unnamed)).tolist():
        number = _NUMBERS[halogens[int(table.name.codes[row])]]
        if z[row] != number and _bond_fits_better(table, z, row, number):
            found[row] = number
    return found


def _bond_fits_better(table: AtomTable, z: np.ndarray, row: int, number: int) -> bool:
    """Whether an atom has one neighbour, at a distance closer to the bond of element ``number`` than to that of its
    own."""
    mates = np.flatnonzero((table.residue == table.residue[row]) & (z > 0))
    location = table.altloc[[row]]
    together = (table.altloc[mates] == location) | (table.altloc[mates] == BLANK) | (location == BLANK)
    mates = mates[(mates != row) & together]
    distance = np.linalg.norm(table.pos[mates] - table.pos[row], axis=1)
    bond = distance - _radii(z[mates])
    wanted, own = _radii(np.array([number, z[row]]))
    near = np.flatnonzero(bond < wanted + _TOLERANCE)
    return len(near) == 1 and bool(abs(bond[near[0]] - wanted) < abs(bond[near[0]] - own))


def _radii(z: np.ndarray) -> np.ndarray:
    return element_property("covalent_radius", torch.from_numpy(z.clip(1, _MAX_Z_WITH_RADIUS))).numpy()
