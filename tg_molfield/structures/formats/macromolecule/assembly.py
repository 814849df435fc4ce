"""From the atoms as a file lists them to the atom sites of one structure."""

from __future__ import annotations

import numpy as np

from tg_molfield.structures.formats.macromolecule.alternate_locations import kept_locations
from tg_molfield.structures.formats.macromolecule.duplicates import separate_copies
from tg_molfield.structures.formats.macromolecule.elements import assign_elements
from tg_molfield.structures.formats.macromolecule.kinds import Kind, residue_kinds
from tg_molfield.structures.formats.macromolecule.sites import AtomSites
from tg_molfield.structures.formats.macromolecule.table import AtomTable, Texts


def assemble(table: AtomTable) -> AtomSites:
    """The atom sites of a model, with one location for each atom, elements, and what each residue is.

    Raises:
        ValueError: the same atom is listed twice, or an occupancy that decides between locations cannot be read.
    """
    names = atom_names(table)
    kinds = residue_kinds(table, names)
    elements = assign_elements(table, kinds, names)
    table, kinds = separate_copies(table._replace(name=table.name.stripped()), kinds, elements.z)
    keep = np.flatnonzero(kept_locations(table, kinds))
    residue = table.residue[keep]
    chains: dict[str, int] = {}
    chain = np.array([chains.setdefault(found.chain, len(chains)) for found in table.residues])
    return AtomSites(
        z=elements.z[keep],
        pos=table.pos[keep],
        name=np.array(table.name.values)[table.name.codes[keep]],
        symbol=np.array(table.symbol.values)[table.symbol.codes[keep]],
        residue=residue,
        residues=table.residues,
        residue_number=np.array([found.number for found in table.residues])[residue],
        chain=chain[residue],
        hetero=(kinds != Kind.POLYMER)[residue],
        water=(kinds == Kind.WATER)[residue],
        guessed=elements.guessed[keep],
        massless=elements.massless[keep],
    )


def atom_names(table: AtomTable) -> dict[str, frozenset[str]]:
    """The atom names in capitals that occur in the residues of each name."""
    residue_name = Texts.of([residue.code for residue in table.residues])
    atoms = np.array([value.strip().upper() for value in table.name.values])
    pairs = np.unique(residue_name.codes[table.residue] * len(atoms) + table.name.codes)
    found: dict[str, set[str]] = {}
    for residue, atom in zip(*np.divmod(pairs, len(atoms)), strict=True):
        found.setdefault(residue_name.values[residue], set()).add(str(atoms[atom]))
    return {residue: frozenset(names) for residue, names in found.items()}
