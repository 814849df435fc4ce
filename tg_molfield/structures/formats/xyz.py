"""XYZ and extended XYZ: split into frames here, so that an error knows its frame, and read with ASE."""

from __future__ import annotations

import io
from collections.abc import Iterator

from torch_geometric.data import Data

from tg_molfield.structures.ase_atoms import from_ase
from tg_molfield.structures.build import check_apart, numbers_of
from tg_molfield.structures.formats.labels import add_labels
from tg_molfield.structures.formats.records import Options, Record, failing


def xyz_records(text: str, options: Options) -> Iterator[Record]:
    """The frames of an XYZ file.

    Frames are counted lines, so nothing after a wrong count can be read: that frame fails and is the last.
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
            yield failing("", f"line {start + 1} should be a number of atoms and is {count[:40]!r}; correct the count")
            return
        stop = start + 2 + int(count)
        found = sum(1 for line in lines[start + 2 : stop] if line.strip())
        if found < int(count):
            yield failing(
                "",
                f"line {start + 1} announces {count} atoms, but {found} follow; the file is cut or miscounted",
            )
            return
        while stop < len(lines) and lines[stop].startswith("VEC"):
            stop += 1
        yield _frame(lines[start:stop], start + 1, options)
        start = stop


def _frame(lines: list[str], first: int, options: Options) -> Record:
    def build() -> Data:
        from ase.io.extxyz import read_xyz

        _check_symbols(lines)
        try:
            atoms = next(iter(read_xyz(io.StringIO("\n".join(lines) + "\n"), 0)))
        except (KeyError, IndexError, TypeError, OSError, ValueError) as error:
            raise ValueError(f"the frame from line {first} is no xyz frame ({error}); correct its lines") from error
        data = from_ase(atoms, options.dtype)
        check_apart(data.pos)
        return add_labels(data, options.labels, atoms.info, "values of the comment line")

    return Record("", build)


def _check_symbols(lines: list[str]) -> None:
    """Refuse elements that are none, where the first column is the element."""
    if "properties=" in lines[1].lower() and "properties=species:s:1" not in lines[1].lower().replace('"', ""):
        return
    count = int(lines[0])
    numbers_of([line.split()[0] for line in lines[2 : 2 + count] if line.strip()])
