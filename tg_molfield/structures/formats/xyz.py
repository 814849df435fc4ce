"""XYZ and extended XYZ: split into frames here, so that errors give the frame, and read with ASE."""

from __future__ import annotations

import io
from collections.abc import Iterator

from torch_geometric.data import Data

from tg_molfield.structures.ase_atoms import from_ase
from tg_molfield.structures.build import check_coincident_atoms
from tg_molfield.structures.formats.elements import parse_elements
from tg_molfield.structures.formats.labels import add_labels
from tg_molfield.structures.formats.records import ReadOptions, Record, failed_record


def xyz_records(text: str, options: ReadOptions) -> Iterator[Record]:
    """The frames of an XYZ file.

    Frames are found by counting lines, so nothing can be read after a wrong count: that frame fails and is the last.
    """
    lines = text.split("\n")
    start = 0
    while True:
        while start < len(lines) and not lines[start].strip():
            start += 1
        if start >= len(lines):
            return
        count = lines[start].strip()
        if not count.isdecimal():
            yield failed_record(
                "", f"line {start + 1}: expected a number of atoms, got {count[:40]!r}; correct the count"
            )
            return
        stop = start + 2 + int(count)
        found = sum(1 for line in lines[start + 2 : stop] if line.strip())
        if found < int(count):
            yield failed_record(
                "",
                f"line {start + 1}: expected {count} atoms to follow, got {found}; "
                "correct the count, or restore the missing lines",
            )
            return
        while stop < len(lines) and lines[stop].startswith("VEC"):
            stop += 1
        yield _frame(lines[start:stop], start + 1, options)
        start = stop


def _frame(lines: list[str], first: int, options: ReadOptions) -> Record:
    def build() -> Data:
        from ase.io.extxyz import read_xyz

        _check_symbols(lines)
        try:
            atoms = next(iter(read_xyz(io.StringIO("\n".join(lines) + "\n"), 0)))
        except (KeyError, IndexError, TypeError, OSError, ValueError) as error:
            raise ValueError(
                f"line {first}: expected an XYZ frame, got lines that ASE cannot read ({error}); correct them"
            ) from error
        data = from_ase(atoms, options.dtype)
        check_coincident_atoms(data.pos)
        return add_labels(data, options.labels, atoms.info, "values of the comment line")

    return Record("", build)


def _check_symbols(lines: list[str]) -> None:
    """Refuse unknown elements if the first column holds the element."""
    if "properties=" in lines[1].lower() and "properties=species:s:1" not in lines[1].lower().replace('"', ""):
        return
    count = int(lines[0])
    parse_elements([line.split()[0] for line in lines[2 : 2 + count] if line.strip()])
