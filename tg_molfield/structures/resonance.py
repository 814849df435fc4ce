"""The most usual one of the Lewis structures of a molecule that differ in their charges and double bonds alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rdkit.Chem import Atom, Mol, RWMol

_LONE_PAIRS = {7: 3, 8: 2, 15: 3, 16: 2, 34: 2}
"""The valences at which elements have a lone pair that can become a bond."""
_ONIUM = (8, 16, 34, 52)
_HYPERVALENT = {15: 3, 16: 2, 34: 2}
"""Elements with a double bond more than their lowest valence allows, and that valence."""
_MOST_SHIFTS = 20


class Shift(NamedTuple):
    """Bonds in a chain whose orders change by turns.

    Attributes:
        bonds: each by its index, with what is added to its order.
        end: the atom at the end of the chain.
    """

    bonds: tuple[tuple[int, int], ...]
    end: int


def with_usual_charges(mol: Mol) -> Mol:
    """The molecule with charges where double bonds can be shifted to, if its structure gets more usual by it.

    As many aromatic atoms as possible, then as few as possible: charges, atoms of charge 2, charged carbon and C=N⁻,
    O⁺ and S⁺, double bonds of S and P to N and C, N≡N⁺ groups, O⁻ beside C=N, anions apart from cations, and N⁺ that
    is doubly bound to an aromatic ring. ``N#[N+]N=c1cc[cH-]cc1`` becomes ``[N-]=[N+]=Nc1ccccc1``, and ``[cH-]1nnnn1``
    becomes ``c1nnn[n-]1``. The molecule itself is given where no shift is of use.

    Args:
        mol: a sanitized molecule with all its hydrogens.
    """
    from rdkit import Chem

    best = mol
    for _ in range(_MOST_SHIFTS if any(atom.GetFormalCharge() for atom in mol.GetAtoms()) else 0):
        other = min(_shifted(best), key=_rank, default=best)
        if _rank(other) >= _rank(best):
            break
        best = other
    if best is not mol:
        Chem.AssignStereochemistryFrom3D(best)
    return best


def shifts(mol: RWMol, start: int, first: int) -> Iterator[Shift]:
    """The chains of bonds from an atom that can be raised and lowered by turns, the shortest to each end.

    Args:
        mol: with single, double and triple bonds.
        start: the atom.
        first: what is added to the order of the first bond, 1 or -1.
    """
    waiting: deque[tuple[Shift, tuple[int, ...]]] = deque([(Shift((), start), (start,))])
    seen = {(start, -first)}
    while waiting:
        shift, atoms = waiting.popleft()
        added = first if len(shift.bonds) % 2 == 0 else -first
        for bond in mol.GetAtomWithIdx(shift.end).GetBonds():
            other, order = bond.GetOtherAtomIdx(shift.end), round(bond.GetBondTypeAsDouble())
            if not 1 <= order + added <= 3 or other in atoms or (other, added) in seen:
                continue
            seen.add((other, added))
            longer = Shift((*shift.bonds, (bond.GetIdx(), added)), other)
            yield longer
            waiting.append((longer, (*atoms, other)))


def apply_shift(mol: RWMol, shift: Shift) -> None:
    """Change the orders of the bonds, which lose their stereochemistry."""
    from rdkit.Chem import BondStereo, BondType

    orders = {1: BondType.SINGLE, 2: BondType.DOUBLE, 3: BondType.TRIPLE}
    for row, added in shift.bonds:
        bond = mol.GetBondWithIdx(row)
        bond.SetStereo(BondStereo.STEREONONE)
        bond.SetBondType(orders[round(bond.GetBondTypeAsDouble()) + added])


def _shifted(mol: Mol) -> Iterator[Mol]:
    """The sanitized structures that differ by one shift."""
    from rdkit import Chem

    kekulized = Chem.RWMol(mol)
    Chem.Kekulize(kekulized, clearAromaticFlags=True)
    radicals = _num_radicals(mol)
    for shift, charges in (*_moved_charges(kekulized), *_charge_pairs(kekulized)):
        other = Chem.RWMol(kekulized)
        apply_shift(other, shift)
        for row, charge in charges.items():
            other.GetAtomWithIdx(row).SetFormalCharge(charge)
        result = other.GetMol()
        try:
            Chem.SanitizeMol(result)
        except ValueError:
            continue
        if _num_radicals(result) <= radicals:
            yield result


def _moved_charges(mol: RWMol) -> Iterator[tuple[Shift, dict[int, int]]]:
    """The shifts by which a charge gets to another atom, and the charges then."""
    for atom in mol.GetAtoms():
        charge = atom.GetFormalCharge()
        sign = (charge > 0) - (charge < 0)
        for shift in shifts(mol, atom.GetIdx(), -sign) if sign else ():
            end = mol.GetAtomWithIdx(shift.end)
            if shift.bonds[-1][1] == sign and not end.GetFormalCharge() and (sign < 0 or _has_lone_pair(end)):
                yield shift, {atom.GetIdx(): charge - sign, shift.end: sign}


def _charge_pairs(mol: RWMol) -> Iterator[tuple[Shift, dict[int, int]]]:
    """The shifts by which N beside an anion, and N or O beside a cation, get charges, as in dioxides of pyrazine."""
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() != 7 or atom.GetFormalCharge() or not (_has_lone_pair(atom) and _is_beside(atom, -1)):
            continue
        for shift in shifts(mol, atom.GetIdx(), 1):
            end = mol.GetAtomWithIdx(shift.end)
            is_open = end.GetAtomicNum() in (7, 8) and not end.GetFormalCharge() and _is_beside(end, 1)
            if shift.bonds[-1][1] == -1 and is_open:
                yield shift, {atom.GetIdx(): 1, shift.end: -1}


def _has_lone_pair(atom: Atom) -> bool:
    from rdkit.Chem import ValenceType

    return bool(_LONE_PAIRS.get(atom.GetAtomicNum()) == atom.GetValence(ValenceType.EXPLICIT))


def _num_radicals(mol: Mol) -> int:
    return sum(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())


def _rank(mol: Mol) -> tuple[int, ...]:
    """The less, the more usual the structure."""
    charged = [atom for atom in mol.GetAtoms() if atom.GetFormalCharge()]
    return (
        -sum(atom.GetIsAromatic() and not _is_oxo(atom) for atom in mol.GetAtoms()),
        sum(abs(atom.GetFormalCharge()) for atom in charged),
        sum(abs(atom.GetFormalCharge()) - 1 for atom in charged),
        sum(atom.GetAtomicNum() == 6 or _is_ketenimide(atom) for atom in charged),
        sum(atom.GetAtomicNum() in _ONIUM for atom in charged if atom.GetFormalCharge() > 0),
        _num_ylide_bonds(mol),
        sum(_is_diazonium(atom) for atom in charged),
        sum(_is_imidate(atom) for atom in charged),
        sum(atom.GetFormalCharge() < 0 and not _is_beside(atom, 1) for atom in charged),
        sum(_is_exocyclic_iminium(atom) for atom in charged),
    )


def _is_oxo(atom: Atom) -> bool:
    """Whether it is N⁺ with a double bond to O, which RDKit lets be aromatic."""
    return bool(atom.GetAtomicNum() == 7 and atom.GetFormalCharge() == 1 and _has_bond(atom, 2.0, 8))


def _is_ketenimide(atom: Atom) -> bool:
    """Whether it is N⁻ with a double bond to carbon, as beside the carbon of malononitrile's anion."""
    return bool(atom.GetAtomicNum() == 7 and atom.GetFormalCharge() < 0 and _has_bond(atom, 2.0, 6))


def _has_bond(atom: Atom, order: float, number: int) -> bool:
    return any(
        bond.GetBondTypeAsDouble() == order and bond.GetOtherAtom(atom).GetAtomicNum() == number
        for bond in atom.GetBonds()
    )


def _num_ylide_bonds(mol: Mol) -> int:
    from rdkit.Chem import BondType, ValenceType

    pairs = [
        ends
        for bond in mol.GetBonds()
        if bond.GetBondType() == BondType.DOUBLE
        for ends in ((bond.GetBeginAtom(), bond.GetEndAtom()), (bond.GetEndAtom(), bond.GetBeginAtom()))
    ]
    return sum(
        other.GetAtomicNum() in (6, 7)
        and atom.GetValence(ValenceType.EXPLICIT) > _HYPERVALENT.get(atom.GetAtomicNum(), 8)
        for atom, other in pairs
    )


def _is_diazonium(atom: Atom) -> bool:
    return bool(atom.GetAtomicNum() == 7 and atom.GetFormalCharge() > 0 and _has_bond(atom, 3.0, 7))


def _is_imidate(atom: Atom) -> bool:
    """Whether it is O⁻ of an amide's anion, which is usually given as N⁻ beside C=O."""
    if atom.GetAtomicNum() != 8 or atom.GetFormalCharge() > 0:
        return False
    return any(other.GetAtomicNum() == 6 and _has_bond(other, 2.0, 7) for other in atom.GetNeighbors())


def _is_exocyclic_iminium(atom: Atom) -> bool:
    """Whether it is N⁺ as in aminopyridinium with the charge outside of the ring."""
    if atom.GetAtomicNum() != 7 or atom.GetFormalCharge() < 0 or atom.GetIsAromatic():
        return False
    return _has_bond(atom, 2.0, 6) and any(other.GetIsAromatic() for other in atom.GetNeighbors())


def _is_beside(atom: Atom, charge: int) -> bool:
    return any(other.GetFormalCharge() == charge for other in atom.GetNeighbors())
