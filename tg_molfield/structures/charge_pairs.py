"""Lewis structures whose charges or valences RDKit's perception of bonds has put in pairs, for no need."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rdkit.Chem import Atom, Mol, RWMol

_CHALCOGENS = (8, 16, 34)
_HYPERVALENT = (15, 16, 33, 34, 51, 52)
"""Elements that take a double bond more, as S in sulfoxides."""
_PHOSPHORUS = 15
Path = list[tuple[int, int]]
"""Bonds by their index, and what is added to the order of each."""


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
    from rdkit.Chem import BondStereo, BondType

    orders = {1: BondType.SINGLE, 2: BondType.DOUBLE, 3: BondType.TRIPLE}
    for atom in mol.GetAtoms():
        found = _path_to_anion(mol, atom.GetIdx()) if atom.GetFormalCharge() == 1 else None
        if found is None:
            continue
        path, anion = found
        for row, added in path:
            bond = mol.GetBondWithIdx(row)
            bond.SetStereo(BondStereo.STEREONONE)
            bond.SetBondType(orders[round(bond.GetBondTypeAsDouble()) + added])
        atom.SetFormalCharge(0)
        mol.GetAtomWithIdx(anion).SetFormalCharge(0)
        return True
    return False


def _is_hypervalent(mol: RWMol, row: int) -> bool:
    return mol.GetAtomWithIdx(row).GetAtomicNum() in _HYPERVALENT


def _path_to_anion(mol: RWMol, cation: int) -> tuple[Path, int] | None:
    """The shortest path of bonds that are lowered and raised in turn from a cation to an anion, and that anion.

    A bond between the two is raised where the cation can have more of them.
    """
    for bond in mol.GetAtomWithIdx(cation).GetBonds() if _is_hypervalent(mol, cation) else ():
        if bond.GetOtherAtom(mol.GetAtomWithIdx(cation)).GetFormalCharge() == -1 and bond.GetBondTypeAsDouble() < 3:
            return [(bond.GetIdx(), 1)], bond.GetOtherAtomIdx(cation)
    waiting: deque[tuple[int, Path, tuple[int, ...]]] = deque([(cation, [], (cation,))])
    seen = {(cation, 1)}
    while waiting:
        row, path, atoms = waiting.popleft()
        added = -1 if len(path) % 2 == 0 else 1
        for bond in mol.GetAtomWithIdx(row).GetBonds():
            other, order = bond.GetOtherAtomIdx(row), round(bond.GetBondTypeAsDouble())
            if not 1 <= order + added <= 3 or other in atoms or (other, added) in seen:
                continue
            longer = [*path, (bond.GetIdx(), added)]
            if added == 1 and mol.GetAtomWithIdx(other).GetFormalCharge() == -1:
                return longer, other
            seen.add((other, added))
            waiting.append((other, longer, (*atoms, other)))
    return None
