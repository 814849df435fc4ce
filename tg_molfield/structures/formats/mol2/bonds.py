"""A MOL2 record as an RDKit molecule, for the properties that need bonds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tg_molfield.structures.formats.mol2.ions import ion_charges
from tg_molfield.structures.formats.mol2.oxoanions import settle_oxoanions
from tg_molfield.structures.formats.mol2.record import Mol2Record, column_sum
from tg_molfield.structures.formats.mol2.types import is_sybyl
from tg_molfield.structures.formats.mol2.valences import settle_valences

if TYPE_CHECKING:
    from rdkit.Chem import Mol

_ORDERS = {"1": "SINGLE", "am": "SINGLE", "2": "DOUBLE", "3": "TRIPLE", "ar": "AROMATIC"}


def mol2_mol(record: Mol2Record, atoms: list[int], numbers: list[int]) -> Mol:
    """The molecule of the atoms of a record; RDKit takes formal charges from Sybyl types.

    Hydrogens that the record lacks are implicit, see `settle_valences`.

    Args:
        record: the record.
        atoms: its rows that are atoms.
        numbers: their atomic numbers.

    Raises:
        ValueError: the bonds or types are not those of a molecule.
    """
    bonds = placed_bonds(record, atoms)
    places = {record.ids[row]: place for place, row in enumerate(atoms)}
    kinds = [record.kinds[row] for row in atoms]
    ions, _ = ion_charges(record, atoms, numbers)
    stated = {places[atom]: round(charge) for atom, charge in (record.formal_charges or {}).items() if atom in places}
    if not all(map(is_sybyl, kinds)):
        return _from_bonds(numbers, bonds, stated | ions)
    mol = _from_sybyl_types(kinds, bonds)
    settle_oxoanions(mol, kinds)
    for place, charge in ions.items():
        mol.GetAtomWithIdx(place).SetFormalCharge(charge)
    settle_valences(mol, kinds, column_sum(record), stated, ions.keys())
    return mol


def placed_bonds(record: Mol2Record, atoms: list[int]) -> list[tuple[int, int, str]]:
    """The places of the two atoms of each bond, and its type.

    Args:
        record: the record.
        atoms: its rows that are atoms.

    Raises:
        ValueError: the bonds are not those of a molecule.
    """
    places = {record.ids[row]: place for place, row in enumerate(atoms)}
    if len(places) < len(atoms):
        raise ValueError("atoms: expected each number once, got some twice; number the atoms")
    known = set(record.ids)
    bonds: list[tuple[int, int, str]] = []
    bonded: set[frozenset[str]] = set()
    for bond in record.bonds:
        kind = bond[2].lower() if len(bond) == 3 else ""
        ends = frozenset(bond[:2])
        if kind not in _ORDERS or len(ends) < 2 or ends in bonded or not known.issuperset(ends):
            raise ValueError(
                f"bonds: expected two other atoms each and a type among {', '.join(_ORDERS)}, got "
                f"{' '.join(bond)[:40]!r}; correct the line"
            )
        bonded.add(ends)
        if bond[0] in places and bond[1] in places:
            bonds.append((places[bond[0]], places[bond[1]], kind))
    return bonds


def _from_sybyl_types(kinds: list[str], bonds: list[tuple[int, int, str]]) -> Mol:
    from rdkit import Chem, rdBase

    rows = [f"{i + 1} A{i + 1} {i}.0 0.0 0.0 {_sybyl(kind)} 1 A 0.0" for i, kind in enumerate(kinds)]
    ends = [f"{i + 1} {a + 1} {b + 1} {kind}" for i, (a, b, kind) in enumerate(bonds)]
    head = ["@<TRIPOS>MOLECULE", "", f"{len(rows)} {len(ends)}", "SMALL", "USER_CHARGES", "", "@<TRIPOS>ATOM"]
    with rdBase.BlockLogs():
        mol = Chem.MolFromMol2Block(
            "\n".join([*head, *rows, "@<TRIPOS>BOND", *ends, ""]), sanitize=False, removeHs=False
        )
    if mol is None or mol.GetNumAtoms() != len(rows):
        raise ValueError(
            "properties: expected types and bonds that RDKit can read, got others; write the record as SDF"
        )
    return mol


def _sybyl(kind: str) -> str:
    """The type with the capitals of Sybyl."""
    head, _, tail = kind.partition(".")
    head = "H" if head in ("D", "T") else head.capitalize()
    return f"{head}.{tail.lower()}" if tail else head


def _from_bonds(numbers: list[int], bonds: list[tuple[int, int, str]], charges: dict[int, int]) -> Mol:
    """The molecule of types that say nothing of charges: all hydrogens and charges must be in the record."""
    from rdkit import Chem, rdBase

    mol = Chem.RWMol()
    for place, number in enumerate(numbers):
        atom = Chem.Atom(number)
        atom.SetFormalCharge(charges.get(place, 0))
        atom.SetNoImplicit(True)
        mol.AddAtom(atom)
    for first, second, kind in bonds:
        mol.AddBond(first, second, getattr(Chem.BondType, _ORDERS[kind]))
        if kind == "ar":
            for place in (first, second):
                mol.GetAtomWithIdx(place).SetIsAromatic(True)
    with rdBase.BlockLogs():
        try:
            sanitized = Chem.Mol(mol)
            Chem.SanitizeMol(sanitized)
        except ValueError as error:
            raise ValueError(
                f"properties: expected a molecule that RDKit can sanitize, got: {' '.join(str(error).split())}; "
                "write Sybyl types, or SDF"
            ) from error
    open_valence = [atom.GetIdx() for atom in sanitized.GetAtoms() if atom.GetNumRadicalElectrons()]
    if open_valence:
        raise ValueError(
            f"properties: expected bonds and charges that complete every valence, got an open one at atom "
            f"{open_valence[0]}; write Sybyl types, or SDF"
        )
    return mol.GetMol()
