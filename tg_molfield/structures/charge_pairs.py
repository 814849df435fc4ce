"""Lewis structures whose charges or valences RDKit's perception of bonds has put in pairs, for no need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tg_molfield.structures.resonance import Shift, apply_shift, shifts

if TYPE_CHECKING:
    from rdkit.Chem import Atom, Mol, RWMol

_CHALCOGENS = (8, 16, 34)
_HYPERVALENT = (15, 16, 33, 34, 51, 52)
"""Elements that take a double bond more, as S in sulfoxides."""
_PHOSPHORUS = 15


def without_charge_pairs(mol: Mol) -> Mol:
    """The molecule with its charges cancelled wherever double bonds can be shifted between a cation and an anion.

    ``C[S+]=C[O-]`` becomes ``CSC=O``, and ``C[S+](C)[O-]`` becomes ``CS(C)=O``. Charges that no such shift cancels
    stay, as those of nitro groups, azides, CO and isonitriles do; ``[PH2]#[PH2]`` becomes ``PP``. The molecule itself
    is given where there is nothing to do, and where the result is not sanitized or less aromatic.

    Args:
        mol: a sanitized molecule with all its hydrogens.
    """
    from rdkit import Chem

    kekulized = Chem.RWMol(mol)
    Chem.Kekulize(kekulized, clearAromaticFlags=True)
    changed = _lower_triple_bonds_of_phosphorus(kekulized)
    while _cancel_one_pair(kekulized):
        changed = True
    if not changed:
        return mol
    result = kekulized.GetMol()
    try:
        Chem.SanitizeMol(result)
    except ValueError:
        return mol
    if _num_aromatic(result) < _num_aromatic(mol):
        return mol
    Chem.AssignStereochemistryFrom3D(result)
    return result


def doubtful_cation(mol: Mol) -> int | None:
    """An atom whose charge is doubtful beside an anion of its molecule; None if there is none.

    This is carbon of charge +1 beside any anion, or O, S or Se of charge +1 with a multiple bond to carbon beside an
    anion that is not next to a cation, as those of nitro groups are.
    """
    from rdkit import Chem

    for rows in Chem.GetMolFrags(mol):
        atoms = [mol.GetAtomWithIdx(row) for row in rows]
        anions = [atom for atom in atoms if atom.GetFormalCharge() < 0]
        apart = any(all(other.GetFormalCharge() <= 0 for other in anion.GetNeighbors()) for anion in anions)
        found = [
            atom.GetIdx()
            for atom in atoms
            if (apart and _is_onium(atom)) or (anions and atom.GetAtomicNum() == 6 and atom.GetFormalCharge() == 1)
        ]
        if found:
            return found[0]
    return None


def _is_onium(atom: Atom) -> bool:
    return (
        atom.GetAtomicNum() in _CHALCOGENS
        and atom.GetFormalCharge() == 1
        and not atom.GetIsAromatic()
        and any(
            bond.GetBondTypeAsDouble() > 1 and bond.GetOtherAtom(atom).GetAtomicNum() == 6 for bond in atom.GetBonds()
        )
    )


def _num_aromatic(mol: Mol) -> int:
    return sum(atom.GetIsAromatic() for atom in mol.GetAtoms())


def _lower_triple_bonds_of_phosphorus(mol: RWMol) -> bool:
    """Triple bonds of two atoms of valence 5 become single bonds of valence 3."""
    from rdkit.Chem import BondType, ValenceType

    found = False
    for bond in mol.GetBonds():
        ends = (bond.GetBeginAtom(), bond.GetEndAtom())
        if bond.GetBondType() == BondType.TRIPLE and all(
            end.GetAtomicNum() == _PHOSPHORUS and end.GetValence(ValenceType.EXPLICIT) == 5 for end in ends
        ):
            bond.SetBondType(BondType.SINGLE)
            found = True
    return found


def _cancel_one_pair(mol: RWMol) -> bool:
    for atom in mol.GetAtoms():
        shift = _shift_to_anion(mol, atom.GetIdx()) if atom.GetFormalCharge() == 1 else None
        if shift is not None:
            apply_shift(mol, shift)
            for row in (atom.GetIdx(), shift.end):
                mol.GetAtomWithIdx(row).SetFormalCharge(0)
            return True
    return False


def _is_hypervalent(mol: RWMol, row: int) -> bool:
    return mol.GetAtomWithIdx(row).GetAtomicNum() in _HYPERVALENT


def _shift_to_anion(mol: RWMol, cation: int) -> Shift | None:
    """The shortest chain of bonds that are lowered and raised in turn from a cation to an anion.

    A bond between the two is raised where the cation can have more of them.
    """
    for bond in mol.GetAtomWithIdx(cation).GetBonds() if _is_hypervalent(mol, cation) else ():
        if bond.GetOtherAtom(mol.GetAtomWithIdx(cation)).GetFormalCharge() == -1 and bond.GetBondTypeAsDouble() < 3:
            return Shift(((bond.GetIdx(), 1),), bond.GetOtherAtomIdx(cation))
    found = (shift for shift in shifts(mol, cation, -1) if shift.bonds[-1][1] == 1)
    return next((shift for shift in found if mol.GetAtomWithIdx(shift.end).GetFormalCharge() == -1), None)
