"""Charges of a MOL2 record that RDKit derives from open valences, where hydrogens that are missing explain these."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from tg_molfield.chem.metals import is_metal

if TYPE_CHECKING:
    from rdkit.Chem import Atom, Mol

_OF_GROUPS = ("O.CO2", "C.CAT")
_ROUNDING = 0.05
"""e by which the charge column of a whole molecule may miss its net charge."""
_USUAL = {5: 3.0, 6: 4.0, 7: 3.0, 8: 2.0, 14: 4.0, 15: 3.0, 16: 2.0}
_ORDERS = {"1": 1.0, "am": 1.0, "2": 2.0, "3": 3.0, "ar": 1.5}


def has_open_valence(numbers: list[int], kinds: list[str], bonds: list[tuple[int, int, str]]) -> bool:
    """Whether the bonds of an atom are fewer than usual; as ``N.pl3``, planar nitrogen has three of them."""
    sums, degrees = [0.0] * len(numbers), [0] * len(numbers)
    for *ends, kind in bonds:
        for end in ends:
            sums[end] += _ORDERS[kind]
            degrees[end] += 1
    return any(
        order < _USUAL.get(number, 0.0) or (degree < 3 and kind.upper() == "N.PL3")
        for number, kind, order, degree in zip(numbers, kinds, sums, degrees, strict=True)
    )


def settle_valences(
    mol: Mol, kinds: list[str], column: float | None, stated: dict[int, int], ions: Container[int]
) -> None:
    """Make hydrogens implicit where they are missing, and take back the charges that stand for them.

    An anion is kept in a record with polar hydrogens, where the charge column agrees, where it is a group's (``O.co2``)
    or neighbours the cation that balances it, as in nitro groups. Polar hydrogens are taken as missing where the record
    has none, but nitrogen with open valences or two other such atoms; one open valence of O, S, … is an anion.

    Args:
        mol: as RDKit read it, not sanitized; it is changed.
        kinds: types of its atoms.
        column: sum of the charge column, or None.
        stated: charges by atom that the record states.
        ions: the atoms whose charges are set already.
    """
    kinds = [kind.upper() for kind in kinds]
    atoms = list(mol.GetAtoms())
    numbers = [atom.GetAtomicNum() for atom in atoms]
    derived = sum(atom.GetFormalCharge() for atom in atoms)
    agrees = column is not None and abs(column - derived) <= _ROUNDING
    _close_carbon(atoms)
    balanced = _balanced(atoms)
    open_numbers = [atom.GetAtomicNum() for atom in _open_atoms(atoms, kinds, balanced)]
    bare = 1 not in numbers or ((len(open_numbers) > 1 or 7 in open_numbers) and not _has_polar_hydrogens(atoms))
    for atom, kind, metal in zip(atoms, kinds, is_metal(numbers).tolist(), strict=True):
        if atom.GetIdx() in ions:
            continue
        if metal:
            atom.SetFormalCharge(max(atom.GetFormalCharge(), 0))
            continue
        atom.SetNoImplicit(False)
        charge = atom.GetFormalCharge()
        is_kept = agrees or kind in _OF_GROUPS or atom.GetIdx() in balanced
        if not is_kept and charge < (0 if bare else -1):
            atom.SetFormalCharge(0)
        if bare and _is_pyrrole(atom, kind):
            atom.SetNumExplicitHs(1)  # as in pyrrole: RDKit adds none to aromatic nitrogen
    if bare:
        _state(mol, kinds, stated)


def lone_anion(mol: Mol, kinds: list[str]) -> int | None:
    """The anion that may be an atom without its hydrogen, or None.

    It is the only atom with an open valence of a record whose hydrogens are all at carbon, and has no cation beside it.
    """
    atoms = list(mol.GetAtoms())
    found = _open_atoms(atoms, [kind.upper() for kind in kinds], _balanced(atoms))
    if len(found) != 1 or found[0].GetFormalCharge() >= 0 or _has_polar_hydrogens(atoms):
        return None
    if any(other.GetFormalCharge() > 0 for other in found[0].GetNeighbors()):
        return None
    row: int = found[0].GetIdx()
    return row if any(atom.GetAtomicNum() == 1 for atom in atoms) else None


def closed_anions(mol: Mol) -> list[int]:
    """The atoms O, S, … that were closed with a hydrogen and may be anions, in a record with hydrogens at carbon alone.

    One of them would have been kept as an anion, see `lone_anion`.
    """
    atoms = list(mol.GetAtoms())
    if _has_polar_hydrogens(atoms) or not any(atom.GetAtomicNum() == 1 for atom in atoms):
        return []
    return [
        atom.GetIdx()
        for atom in atoms
        if atom.GetAtomicNum() in (8, 16, 34, 52)
        and atom.GetDegree() == 1
        and _order(atom) == 1
        and not atom.GetFormalCharge()
    ]


def _has_polar_hydrogens(atoms: list[Atom]) -> bool:
    """Whether a hydrogen has another neighbour than carbon."""
    return any(
        atom.GetAtomicNum() == 1 and any(other.GetAtomicNum() != 6 for other in atom.GetNeighbors()) for atom in atoms
    )


def _open_atoms(atoms: list[Atom], kinds: list[str], balanced: set[int]) -> list[Atom]:
    """The atoms whose charges, or for pyrrole whose bonds, may stand for hydrogens."""
    return [
        atom
        for atom, kind in zip(atoms, kinds, strict=True)
        if (_is_pyrrole(atom, kind) or (atom.GetFormalCharge() < 0 and kind not in _OF_GROUPS))
        and atom.GetIdx() not in balanced
        and atom.GetDegree()
        and not is_metal(atom.GetAtomicNum())
    ]


def _is_pyrrole(atom: Atom, kind: str) -> bool:
    """Whether nitrogen is as in pyrrole without its hydrogen."""
    return bool(kind == "N.PL3" and atom.GetDegree() == 2 and _order(atom) == 3 and not atom.GetFormalCharge())


def _close_carbon(atoms: list[Atom]) -> None:
    """Charge the carbon of isocyanides and carbon monoxide, beside whose cation RDKit leaves it open."""
    for atom in atoms:
        if atom.GetAtomicNum() == 6 and atom.GetDegree() == 1 and _order(atom) == 3:
            (other,) = atom.GetNeighbors()
            if other.GetFormalCharge() == 1:
                atom.SetFormalCharge(-1)


def _balanced(atoms: list[Atom]) -> set[int]:
    """One anion beside each cation with a bond too many: nitro groups, N-oxides, azides, diazo groups, isocyanides."""
    found: set[int] = set()
    for atom in atoms:
        if atom.GetFormalCharge() != 1 or _order(atom) < 4:
            continue
        is_linear = atom.GetDegree() == 2
        anions = [
            other.GetIdx()
            for other in atom.GetNeighbors()
            if other.GetFormalCharge() == -1 and (is_linear or other.GetAtomicNum() in (8, 16))
        ]
        found.update(anions[:1])
    return found


def _state(mol: Mol, kinds: list[str], stated: dict[int, int]) -> None:
    """Set the charges that the record states, but in groups whose bonds RDKit has placed by their type."""
    for place, charge in stated.items():
        atom = mol.GetAtomWithIdx(place)
        group = [kinds[place], *(kinds[other.GetIdx()] for other in atom.GetNeighbors())]
        if "C.CAT" not in group and kinds[place] != "O.CO2":
            atom.SetFormalCharge(charge)
            atom.SetNumExplicitHs(0 if charge < 0 else atom.GetNumExplicitHs())


def _order(atom: Atom) -> float:
    return sum(bond.GetBondTypeAsDouble() for bond in atom.GetBonds())
