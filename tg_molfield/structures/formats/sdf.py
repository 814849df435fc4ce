"""SDF and MOL: split into records here, read with RDKit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch_geometric.data import Data

from tg_molfield.structures.build import build, check_coincident_atoms
from tg_molfield.structures.formats.labels import add_labels
from tg_molfield.structures.formats.molblock import molblock_coordinates, molblock_fault
from tg_molfield.structures.formats.records import ReadOptions, Record
from tg_molfield.structures.properties import compute_properties
from tg_molfield.structures.rdkit_mol import conformer_at

if TYPE_CHECKING:
    from rdkit.Chem import Mol

_TAG = re.compile(r"^>.*?<(.+)>")


def sdf_records(text: str, options: ReadOptions) -> Iterator[Record]:
    """The records of an SDF or MOL file."""
    block: list[str] = []
    for line in text.split("\n"):
        if line.startswith("$$$$"):
            yield _record(block, options)
            block = []
        else:
            block.append(line)
    if any(line.strip() for line in block):
        yield _record(block, options)


def _record(lines: list[str], options: ReadOptions) -> Record:
    title = lines[0].strip() if lines else ""
    return Record(title, lambda: _data(lines, title, options))


def _data(lines: list[str], title: str, options: ReadOptions) -> Data:
    from rdkit import Chem, rdBase

    end = next((row for row, line in enumerate(lines, start=1) if line.startswith("M  END")), len(lines))
    block = "\n".join(lines[:end]) + "\n"
    with rdBase.BlockLogs():
        mol = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False, strictParsing=False)
    fault = molblock_fault(lines[:end])
    if mol is None or fault:
        raise ValueError(
            fault or "MOL block: expected one that RDKit can read, got none; write it with another program"
        )
    if "V3000" not in lines[3]:
        conformer_at(mol, 0).SetPositions(molblock_coordinates(lines))
    data = mol_data(mol, title, options)
    return add_labels(data, options.labels, _tags(lines[end:]), "tags of the record")


def mol_data(mol: Mol, title: str, options: ReadOptions, **values: object) -> Data:
    """The ``Data`` of a record with bonds: elements, coordinates, formal charges and the requested properties.

    Args:
        mol: molecule as RDKit read it, not sanitized.
        title: name of the record.
        options: the options of ``read``.
        values: per-atom values from the file, [N] each.
    """
    pos = conformer_at(mol, 0).GetPositions()
    values.update(compute_properties(mol, ("formal_charge", *(options.properties or ()))))
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    data = build(numbers, pos, options.dtype, **values, name=title)
    check_coincident_atoms(torch.as_tensor(pos))
    return data


def _tags(lines: list[str]) -> dict[str, str]:
    """The data items (tags) of an SDF record, the first line of each."""
    tags = {}
    for row, line in enumerate(lines):
        match = _TAG.match(line)
        if match:
            tags[match[1]] = lines[row + 1].strip() if row + 1 < len(lines) else ""
    return tags
