"""The bonds and charges of groups of ``O.co2``: carboxylates, carbonate, phosphates, sulfates."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rdkit.Chem import Atom, Mol

_VALENCE = {(6, 3): 4, (15, 4): 5, (16, 3): 4, (16, 4): 6}
"""The sum of bond orders by atomic number and degree of the atom that carries the oxygens."""


def settle_oxoanions(mol: Mol, kinds: list[str]) -> None:
    """Give each group as many double bonds as its centre has room for, and a charge to every other terminal oxygen.

    RDKit does so where ``O.co2`` are the only terminal oxygens and few; beside ``O.2``, in carbonate and sulfate, and
    where an ``O.co2`` has a hydrogen, its charges are others. Groups with the charge that they should have stay.

    Args:
        mol: as RDKit read it, not sanitized; it is changed.
        kinds: types of its atoms.
    """
    for center in mol.GetAtoms():
        valence = _VALENCE.get((center.GetAtomicNum(), center.GetDegree()))
        oxygens = [atom for atom in center.GetNeighbors() if kinds[atom.GetIdx()].upper() == "O.CO2"]
        if not oxygens or valence is None:
            continue
        group = {atom.GetIdx() for atom in oxygens}
        others = [bond for bond in center.GetBonds() if bond.GetOtherAtomIdx(center.GetIdx()) not in group]
        room = valence - int(sum(bond.GetBondTypeAsDouble() for bond in others)) - len(oxygens)
        ends = [atom for atom in oxygens if atom.GetDegree() == 1]
        charged = ends[max(room, 0) :]
        if room >= 0 and sum(atom.GetFormalCharge() for atom in (center, *oxygens)) != -len(charged):
            _place(center, oxygens, ends[:room], charged)


def _place(center: Atom, oxygens: list[Atom], double: list[Atom], charged: list[Atom]) -> None:
    from rdkit.Chem import BondType

    doubly_bound, negative = ({atom.GetIdx() for atom in atoms} for atoms in (double, charged))
    center.SetFormalCharge(0)
    for bond in center.GetBonds():
        atom = bond.GetOtherAtom(center)
        if atom.GetIdx() in {oxygen.GetIdx() for oxygen in oxygens}:
            atom.SetFormalCharge(-int(atom.GetIdx() in negative))
            bond.SetBondType(BondType.DOUBLE if atom.GetIdx() in doubly_bound else BondType.SINGLE)
