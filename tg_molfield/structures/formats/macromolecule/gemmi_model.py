"""The atoms of a model that gemmi read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tg_molfield.structures.formats.macromolecule.assembly import assemble
from tg_molfield.structures.formats.macromolecule.sites import AtomSites
from tg_molfield.structures.formats.macromolecule.table import BLANK, AtomTable, Residue, Texts

if TYPE_CHECKING:
    import gemmi


def atom_sites(model: gemmi.Model) -> AtomSites:
    """The atom sites of a gemmi model, chosen and named as :func:`~.assembly.assemble` does.

    Raises:
        ValueError: the model has no atoms, or lists the same atom twice.
    """
    residues = [
        Residue(
            residue.name,
            chain.name,
            int(residue.seqid.num or 0),
            residue.seqid.icode.strip(),
            residue.subchain,
            residue.het_flag == "H",
        )
        for chain in model
        for residue in chain
    ]
    distinct: dict[Residue, int] = {}
    rows = [distinct.setdefault(residue, len(distinct)) for residue in residues]
    read = [residue for chain in model for residue in chain]
    atoms = [atom for residue in read for atom in residue]
    if not atoms:
        raise ValueError("expected atoms in the model, got none; remove it")
    return assemble(
        AtomTable(
            name=Texts.of([atom.name for atom in atoms]),
            symbol=Texts.of(["" if atom.element.atomic_number == 0 else atom.element.name for atom in atoms]),
            altloc=np.array([BLANK if atom.altloc == "\0" else atom.altloc for atom in atoms]),
            occupancy=np.array([atom.occ for atom in atoms]),
            pos=np.array([atom.pos.tolist() for atom in atoms], dtype=np.float64).reshape(-1, 3),
            residue=np.repeat(rows, [len(residue) for residue in read]),
            residues=list(distinct),
            part=np.zeros(len(atoms), dtype=np.int64),
            line=np.empty(0, dtype=np.int64),
            aligned=False,
        )
    )
