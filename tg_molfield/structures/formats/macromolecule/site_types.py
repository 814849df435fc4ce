"""What the atoms of a table are, where none is to be chosen or left out: those of a topology."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tg_molfield.structures.formats.macromolecule.assembly import atom_names
from tg_molfield.structures.formats.macromolecule.elements import assign_elements
from tg_molfield.structures.formats.macromolecule.kinds import Kind, residue_kinds
from tg_molfield.structures.formats.macromolecule.table import AtomTable


class SiteTypes(NamedTuple):
    """What the atoms are, [N] each, as in `AtomSites`.

    Attributes:
        z: atomic numbers; 0 where unknown, or where the site has no mass.
        guessed: whether the atom name alone gave the element, or says another element than the file.
        massless: whether the site is a lone pair, an extra point of a water model or a Drude particle.
        hetero: whether the residue is no part of a polymer.
        water: whether the residue is a water molecule.
    """

    z: np.ndarray
    guessed: np.ndarray
    massless: np.ndarray
    hetero: np.ndarray
    water: np.ndarray


def site_types(table: AtomTable) -> SiteTypes:
    """The elements of the atoms, and what their residues are."""
    names = atom_names(table)
    kinds = residue_kinds(table, names)
    elements = assign_elements(table, kinds, names)
    kind = kinds[table.residue]
    return SiteTypes(elements.z, elements.guessed, elements.massless, kind != Kind.POLYMER, kind == Kind.WATER)
