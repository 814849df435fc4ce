"""MOL2: elements, coordinates and charges are read here; RDKit computes the properties that need bonds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.structures.build import build, check_coincident_atoms, float_dtype
from tg_molfield.structures.color import compute_color
from tg_molfield.structures.fit_labels import fit_labels
from tg_molfield.structures.formats.drawing import hydrogen_note, is_flat, planarity_note
from tg_molfield.structures.formats.mol2.bonds import mol2_mol, placed_bonds
from tg_molfield.structures.formats.mol2.ions import ion_charges
from tg_molfield.structures.formats.mol2.record import Mol2Record, column_sum, parse_mol2, title_of
from tg_molfield.structures.formats.mol2.types import LONE_PAIRS, element_of
from tg_molfield.structures.formats.mol2.valences import closed_anions, has_open_valence, lone_anion
from tg_molfield.structures.formats.records import ReadOptions, Record
from tg_molfield.structures.properties import compute_properties
from tg_molfield.text_numbers import parse_number

if TYPE_CHECKING:
    from rdkit.Chem import Mol

_START = "@<TRIPOS>MOLECULE"
_SECTIONS = (_START, "@<TRIPOS>ATOM", "@<TRIPOS>BOND")


def mol2_records(text: str, options: ReadOptions) -> Iterator[Record]:
    """The records of a MOL2 file, with the charges that the file gives.

    ``partial_charge`` [N] is the last column of the atom rows, ``formal_charge`` [N] the attribute ``charge`` of
    the section ``UNITY_ATOM_ATTR``, zero for atoms that it does not name.

    Raises:
        ValueError: the text is not a MOL2 file.
    """
    charge_sources: set[str] = set()
    for block in mol2_blocks(text.split("\n")):
        yield mol2_record(block, options, charge_sources)


def mol2_blocks(lines: Iterable[str]) -> Iterator[str]:
    """The text of each record, without its line ``@<TRIPOS>MOLECULE``.

    Raises:
        ValueError: the lines are not those of a MOL2 file.
    """
    block: list[str] | None = None
    for number, line in enumerate(lines, start=1):
        if line.rstrip() == _START:
            if block is not None:
                yield "\n".join([*block, ""])
            block = []
        elif block is not None:
            block.append(line)
        elif line.startswith(_SECTIONS):
            raise ValueError(
                f"line {number}: expected a line @<TRIPOS>MOLECULE before the sections of a record, got "
                f"{line[:40]!r}; correct the line"
            )
    if block is None:
        raise ValueError("expected a line @<TRIPOS>MOLECULE, got none; check that this is a MOL2 file")
    yield "\n".join(block)


def mol2_record(block: str, options: ReadOptions, charge_sources: set[str] | None = None) -> Record:
    """The record of one block of `mol2_blocks`.

    Args:
        block: the text.
        options: the options of ``read``.
        charge_sources: where the partial charges of earlier records were from; the record adds its own, and notes if
            there are two sources.
    """
    notes: list[str] = []
    computed: set[str] = set()
    sources = set() if charge_sources is None else charge_sources
    return Record(title_of(block), partial(_data, block, options, notes, computed, sources), notes, computed)


def mol2_block_mol(block: str) -> Mol:
    """The molecule of one block, with its bonds and positions; lone pairs are left out.

    Raises:
        ValueError: the record is not valid, or its bonds or types are not those of a molecule.
    """
    from rdkit import Chem

    record = parse_mol2(block)
    atoms = _atoms(record)
    mol = Chem.Mol(mol2_mol(record, atoms, _elements(record, atoms, [])))
    mol.RemoveAllConformers()
    conformer = Chem.Conformer(len(atoms))
    conformer.Set3D(True)
    conformer.SetPositions(np.array([record.pos[row] for row in atoms]))
    mol.AddConformer(conformer, assignId=True)
    return mol


def _atoms(record: Mol2Record) -> list[int]:
    """The rows that are atoms, not lone pairs."""
    return [row for row, kind in enumerate(record.kinds) if kind.upper() not in LONE_PAIRS]


def _data(block: str, options: ReadOptions, notes: list[str], computed: set[str], charge_sources: set[str]) -> Data:
    record = parse_mol2(block)
    atoms = _atoms(record)
    numbers = _elements(record, atoms, notes)
    pos = [record.pos[row] for row in atoms]
    values, left_out = fit_labels(_charges(record, atoms, numbers, notes), len(atoms), float_dtype(options.dtype))
    notes += left_out
    missing = [name for name in options.properties or () if name not in values]
    computed.update(missing)
    if "partial_charge" in (options.properties or ()):
        charge_sources.add("computed" if "partial_charge" in missing else "file")
        if len(charge_sources) == 2:
            notes.append(
                "partial_charge: expected charges of one kind, got the file's in some records and computed ones "
                "(Gasteiger) in others; split the file"
            )
    mol = mol2_mol(record, atoms, numbers) if missing or options.color else None
    if mol is not None:
        notes += ion_charges(record, atoms, numbers)[1] + _net_charge_notes(mol, record)
        notes += _anion_notes(mol, record, atoms)
    if mol is not None and missing:
        found = compute_properties(mol, {*missing, "formal_charge"})
        _note_formal_charges(values.get("formal_charge"), found["formal_charge"], missing, notes)
        values |= {name: found[name] for name in missing}
    places = np.reshape(np.array(pos, dtype=np.float64), (-1, 3))
    features = compute_color(mol, places) if mol is not None and options.color else {}
    data = build(numbers, places, options.dtype, **values, **features, name=record.title)
    check_coincident_atoms(torch.as_tensor(pos))
    notes += _geometry_notes(record, atoms, numbers, mol)
    return data


def _geometry_notes(record: Mol2Record, atoms: list[int], numbers: list[int], mol: Mol | None) -> list[str]:
    """What may be a drawing or lacks its hydrogens; nothing where the bonds are not those of a molecule."""
    pos = np.array([record.pos[row] for row in atoms])
    if not record.bonds:
        return []
    try:
        kinds = [record.kinds[row] for row in atoms]
        if 1 in numbers and not is_flat(pos) and not has_open_valence(numbers, kinds, placed_bonds(record, atoms)):
            return []
        mol = mol or mol2_mol(record, atoms, numbers)
    except ValueError:
        return []
    return [note for note in (hydrogen_note(mol, numbers), planarity_note(mol, pos)) if note]


def _elements(record: Mol2Record, atoms: list[int], notes: list[str]) -> list[int]:
    bonded = {end for bond in record.bonds for end in bond[:2]}
    numbers = []
    for row in atoms:
        name, kind = record.names[row], record.kinds[row]
        try:
            is_bonded = None if not bonded and len(atoms) > 1 else record.ids[row] in bonded
            number, note = element_of(kind, name, is_bonded)
        except ValueError as error:
            raise ValueError(f"atom {record.ids[row][:40]} {name[:40]!r}: {error}") from error
        numbers.append(number)
        if note:
            notes.append(note)
    return numbers


def _charges(record: Mol2Record, atoms: list[int], numbers: list[int], notes: list[str]) -> dict[str, Any]:
    """``partial_charge`` and ``formal_charge``, where the record has them."""
    found: dict[str, Any] = {}
    if record.formal_charges is not None:
        unknown = record.formal_charges.keys() - set(record.ids)
        if unknown:
            raise ValueError(
                f"UNITY_ATOM_ATTR: expected atoms of the record, got {min(unknown)[:40]!r}; correct the line"
            )
        found["formal_charge"] = [record.formal_charges.get(record.ids[row], 0.0) for row in atoms]
    if record.charge_type == "NO_CHARGES" or not any(record.charges):
        return found
    try:
        charges = [parse_number(text) for text in record.charges]
    except ValueError:
        row = next(row for row, text in enumerate(record.charges) if not _is_number(text))
        notes.append(
            f"partial_charge: expected a charge in every atom row, got {record.charges[row][:40]!r} for atom "
            f"{record.ids[row][:40]}; correct it, the charges were left out"
        )
        return found
    lost = sum(charges) - sum(charges[row] for row in atoms)
    if len(atoms) < len(charges) and any(charges[row] for row in set(range(len(charges))) - set(atoms)):
        notes.append(
            f"partial_charge: expected charges at atoms, got {lost:.3f} e at lone pairs or extra points; they were "
            "left out"
        )
    if not any(charges) and len(set(numbers)) > 1:
        notes.append(
            f"partial_charge: expected charges that differ from 0, got 0 for all atoms although the record says "
            f"{record.charge_type or 'nothing of them'}; write NO_CHARGES if it has none"
        )
    found["partial_charge"] = [charges[row] for row in atoms]
    return found


def _net_charge_notes(mol: Mol, record: Mol2Record) -> list[str]:
    """What tells that the properties are computed for another net charge than that of the charge column."""
    column = column_sum(record)
    derived = sum(atom.GetFormalCharge() for atom in mol.GetAtoms())
    if column is None or not math.isfinite(column) or round(column) == derived:
        return []
    return [
        f"properties: expected the net charge {round(column):+d} of the charge column, got {derived:+d} by types and "
        "bonds, for which they were computed; correct the types, or add missing hydrogens"
    ]


def _anion_notes(mol: Mol, record: Mol2Record, atoms: list[int]) -> list[str]:
    """What tells that an atom may be an anion or lack its hydrogen, where no charges of the record decide."""
    if record.formal_charges is not None or column_sum(record) is not None:
        return []
    expected = "formal_charge: expected charges, or hydrogens also beside carbon, got"
    anion = lone_anion(mol, [record.kinds[row] for row in atoms])
    if anion is not None:
        return [
            f"{expected} an open valence at {record.names[atoms[anion]][:40]!r}; "
            f"{mol.GetAtomWithIdx(anion).GetFormalCharge():+d} was taken, add the hydrogen if there is one"
        ]
    if closed := closed_anions(mol):
        others = f" (and {len(closed) - 1} more)" if len(closed) > 1 else ""
        return [
            f"{expected} an open valence at {record.names[atoms[closed[0]]][:40]!r}{others}; hydrogen without charge "
            "was taken, give the charges in the section UNITY_ATOM_ATTR if these are anions"
        ]
    return []


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except ValueError:
        return False
    return True


def _note_formal_charges(given: np.ndarray | None, computed: np.ndarray, missing: list[str], notes: list[str]) -> None:
    """Tell of formal charges that are RDKit's, and of properties computed for another net charge."""
    if given is None and "formal_charge" in missing:
        notes.append(
            "formal_charge: expected charges in the section UNITY_ATOM_ATTR, got none; RDKit derived them from types "
            "and bonds"
        )
    if given is not None and round(float(given.sum())) != round(float(computed.sum())):
        notes.append(
            f"properties: expected the net charge {given.sum():+.0f} of UNITY_ATOM_ATTR, got {computed.sum():+.0f} by "
            "types and bonds, for which they were computed; correct the types"
        )
