"""MOL2: split into records here, read with RDKit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from torch_geometric.data import Data

from tg_molfield.structures.formats.records import ReadOptions, Record
from tg_molfield.structures.formats.sdf import mol_data

_START = "@<TRIPOS>MOLECULE"


def mol2_records(text: str, options: ReadOptions) -> Iterator[Record]:
    """The records of a MOL2 file, with ``partial_charge`` [N] if the file has charges.

    Raises:
        ValueError: the text is not a MOL2 file.
    """
    _, *blocks = ("\n" + text).split("\n" + _START)
    if not blocks:
        raise ValueError(f"expected a line {_START}, got none; check that this is a MOL2 file")
    for block in blocks:
        title = block.lstrip("\n").split("\n", 1)[0].strip()
        notes: list[str] = []
        yield Record(title, partial(_data, _START + block + "\n", title, options, notes), notes)


def _data(block: str, title: str, options: ReadOptions, notes: list[str]) -> Data:
    from rdkit import Chem, rdBase

    fault = _fault(block)
    with rdBase.BlockLogs():
        mol = None if fault else Chem.MolFromMol2Block(block, sanitize=False, removeHs=False)
    if mol is None:
        raise ValueError(
            fault or "expected a record that RDKit can read, got none; write it with Corina atom types, or as SDF"
        )
    values = {}
    charge = "_TriposPartialCharge"
    if "NO_CHARGES" not in block and all(atom.HasProp(charge) for atom in mol.GetAtoms()):
        values["partial_charge"] = [float(atom.GetProp(charge)) for atom in mol.GetAtoms()]
    return mol_data(mol, title, options, notes, **values)


def _fault(block: str) -> str:
    """What is wrong with the counts of the record, or an empty string."""
    lines = block.split("\n")
    counts = lines[2].split() if len(lines) > 2 else []
    if not counts or not counts[0].isdecimal():
        return f"line 3 of the record: expected the number of atoms first, got {' '.join(counts)!r}; correct the line"
    starts = [row for row, line in enumerate(lines) if line.startswith("@<TRIPOS>ATOM")]
    rows: list[str] = []
    if starts:
        for line in lines[starts[0] + 1 :]:
            if line.startswith("@"):
                break
            rows += [line] if line.strip() else []
    if len(rows) != int(counts[0]):
        return (
            f"atoms: expected {counts[0]} by line 3 of the record, got {len(rows)}; "
            "correct the count, or restore the missing lines"
        )
    return ""
