"""SDF and MOL: split into records here, read with RDKit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch
from torch_geometric.data import Data

from tg_molfield.chem.elements import symbols
from tg_molfield.structures.build import build, check_coincident_atoms
from tg_molfield.structures.color import compute_color
from tg_molfield.structures.formats.drawing import hydrogen_note, is_geometry, planarity_note
from tg_molfield.structures.formats.labels import add_labels
from tg_molfield.structures.formats.records import ReadOptions, Record
from tg_molfield.structures.formats.sdf.molblock import check_one_block, read_atoms
from tg_molfield.structures.formats.sdf.nitro import settle_nitro_groups
from tg_molfield.structures.properties import compute_properties
from tg_molfield.structures.rdkit_mol import conformer_at

if TYPE_CHECKING:
    from rdkit.Chem import Mol


def sdf_records(text: str, options: ReadOptions) -> Iterator[Record]:
    """The records of an SDF or MOL file."""
    return (sdf_record(block, options) for block in sdf_blocks(text.split("\n")))


def sdf_blocks(lines: Iterable[str]) -> Iterator[str]:
    """The text of each record, without the line ``$$$$`` after it."""
    block: list[str] = []
    for line in lines:
        if line.startswith("$$$$") or line.strip() == "$$$$":
            yield "".join(f"{line}\n" for line in block)
            block = []
        else:
            block.append(line)
    if any(line.strip() for line in block):
        yield "".join(f"{line}\n" for line in block)


def sdf_record(block: str, options: ReadOptions) -> Record:
    """The record of one block of `sdf_blocks`."""
    title = block.split("\n", 1)[0].strip()
    notes: list[str] = []
    labels: dict[str, str] = {}
    computed = set(options.properties or ())
    return Record(title, lambda: _data(block, title, options, notes, labels), notes, computed, labels)


def sdf_mol(block: str) -> tuple[Mol, dict[str, str]]:
    """The molecule of one block, not sanitized, with its bonds and positions, and its tags.

    Raises:
        ValueError: the MOL block is not valid.
    """
    lines = block.split("\n")[:-1]
    mol, end = _mol(lines)
    return mol, _tags(lines[end:])


def sdf_tags(block: str) -> dict[str, str]:
    """The tags of one block, whatever its MOL block is."""
    return _tags(block.partition("\nM  END")[2].split("\n")[1:])


def _data(block: str, title: str, options: ReadOptions, notes: list[str], labels: dict[str, str]) -> Data:
    lines = block.split("\n")[:-1]
    mol, end = _mol(lines)
    conformer = mol.GetConformer()
    conformer.Set3D(options.dimension == 3 or is_geometry(mol, lines[1][20:22].upper()))
    data = _mol_data(mol, title, options, notes)
    labels.update(_tags(lines[end:]))
    return add_labels(data, options.labels, labels, "tags of the record")


def _mol(lines: list[str]) -> tuple[Mol, int]:
    """The molecule of a record, and the number of lines of its MOL block."""
    from rdkit import Chem, rdBase

    end = next((row for row, line in enumerate(lines, start=1) if line.startswith("M  END")), len(lines))
    check_one_block(lines, end)
    table = read_atoms(lines[:end])
    with rdBase.BlockLogs():
        mol = Chem.MolFromMolBlock("\n".join(lines[:end]) + "\n", sanitize=False, removeHs=False, strictParsing=False)
    if mol is None or mol.GetNumAtoms() != len(table.numbers):
        raise ValueError(
            f"MOL block: expected {len(table.numbers)} atoms from RDKit, got "
            f"{'none' if mol is None else mol.GetNumAtoms()}; check its bonds and properties, or write it with another "
            "program"
        )
    for number, atom in zip(table.numbers, mol.GetAtoms(), strict=True):
        if atom.GetAtomicNum() != number:
            raise ValueError(
                f"atom line {atom.GetIdx() + 1}: expected an element that RDKit reads, got another spelling of "
                f"{symbols()[number]}; write {symbols()[number]}"
            )
    mol.GetConformer().SetPositions(table.pos)
    settle_nitro_groups(mol)
    return mol, end


def _mol_data(mol: Mol, title: str, options: ReadOptions, notes: list[str]) -> Data:
    """The ``Data`` of a record: elements, coordinates, formal charges and the requested properties.

    Args:
        mol: molecule as RDKit read it, not sanitized.
        title: name of the record.
        options: the options of ``read``.
        notes: where to note what may not be a geometry or lacks its hydrogens.
    """
    pos = conformer_at(mol, 0).GetPositions()
    values = compute_properties(mol, ("formal_charge", *(options.properties or ())))
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    features = compute_color(mol, pos) if options.color else {}
    data = build(numbers, pos, options.dtype, **values, **features, name=title)
    check_coincident_atoms(torch.as_tensor(pos))
    found = (hydrogen_note(mol, numbers), "" if options.dimension == 3 else planarity_note(mol, pos))
    notes.extend(note for note in found if note)
    return data


def _tags(lines: list[str]) -> dict[str, str]:
    """The data items (tags) of an SDF record; the lines of those that occur again are joined."""
    tags: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        begin, end = line.find("<"), line.rfind(">")
        if line.startswith(">") and 0 < begin < end - 1:
            name = line[begin + 1 : end]
            tags.setdefault(name, [])
        elif not line.strip():
            name = ""
        elif name:
            tags[name].append(line.strip())
    return {name: "\n".join(values) for name, values in tags.items()}
