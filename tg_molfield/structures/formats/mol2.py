"""MOL2: split into records here, read with RDKit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from torch_geometric.data import Data

from tg_molfield.structures.formats.records import Options, Record
from tg_molfield.structures.formats.sdf import mol_data

_START = "@<TRIPOS>MOLECULE"


def mol2_records(text: str, options: Options) -> Iterator[Record]:
    """The records of a MOL2 file, with the file's ``partial_charge`` [N] where it gives charges.

    Raises:
        ValueError: the text is no MOL2 file.
    """
    _, *blocks = ("\n" + text).split("\n" + _START)
    if not blocks:
        raise ValueError(f"there is no {_START}; the file is no MOL2 file")
    for block in blocks:
        title = block.lstrip("\n").split("\n", 1)[0].strip()
        yield Record(title, partial(_data, _START + block + "\n", title, options))


def _data(block: str, title: str, options: Options) -> Data:
    from rdkit import Chem, rdBase

    fault = _fault(block)
    with rdBase.BlockLogs():
        mol = None if fault else Chem.MolFromMol2Block(block, sanitize=False, removeHs=False)
    if mol is None:
        raise ValueError(fault or "RDKit cannot read the record; write it again with Corina atom types, or as SDF")
    values = {}
    charge = "_TriposPartialCharge"
    if "NO_CHARGES" not in block and all(atom.HasProp(charge) for atom in mol.GetAtoms()):
        values["partial_charge"] = [float(atom.GetProp(charge)) for atom in mol.GetAtoms()]
    return mol_data(mol, title, options, **values)


def _fault(block: str) -> str:
    """What is wrong with the counts of the record, or empty."""
    lines = block.split("\n")
    counts = lines[2].split() if len(lines) > 2 else []
    if not counts or not counts[0].isdecimal():
        return f"the counts line is {' '.join(counts)!r}; the third line of a record gives the number of atoms"
    starts = [row for row, line in enumerate(lines) if line.startswith("@<TRIPOS>ATOM")]
    rows: list[str] = []
    if starts:
        for line in lines[starts[0] + 1 :]:
            if line.startswith("@"):
                break
            rows += [line] if line.strip() else []
    if len(rows) != int(counts[0]):
        return f"the record announces {counts[0]} atoms, but {len(rows)} follow; it is cut short or miscounted"
    return ""
