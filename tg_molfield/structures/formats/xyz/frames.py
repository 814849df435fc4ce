"""XYZ and extended XYZ, with Å and the units of ASE; also the raw files of QM9."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from torch_geometric.data import Data

from tg_molfield.files import decoded
from tg_molfield.structures.build import build, check_coincident_atoms, float_dtype
from tg_molfield.structures.fit_labels import fit_labels
from tg_molfield.structures.formats.labels import add_labels
from tg_molfield.structures.formats.records import ReadOptions, Record, failed_record
from tg_molfield.structures.formats.xyz import columns as xyz_columns
from tg_molfield.structures.formats.xyz import qm9
from tg_molfield.structures.formats.xyz.columns import PLAIN, parse_columns
from tg_molfield.structures.formats.xyz.comment import XyzComment, parse_comment, vector
from tg_molfield.structures.keys import KEYS, RESULTS
from tg_molfield.text_numbers import parse_numbers

_LAMMPS = "Atoms. Timestep:"
"""How LAMMPS begins the comment of the frames of a dump."""

_NO_LABELS = ("properties", "lattice", "pbc", "name")
"""Pairs of a comment that are no labels, in lower case."""

_COUNT = re.compile(r"[0-9]{1,9}")
"""The first line of a frame."""

_NUMBER = r"[+-]?[0-9]+\.[0-9]+\s+"
_TINKER_ROW = re.compile(rf"\s*[0-9]+\s+[A-Za-z]\S*\s+{_NUMBER}{_NUMBER}{_NUMBER}[0-9]+")


class _Frame(NamedTuple):
    """The lines of a frame: the number of its first line, the comment, the atoms, and the ``VEC`` lines after them."""

    number: int
    comment: str
    atoms: list[str]
    vectors: list[str]


def xyz_records(text: str, options: ReadOptions, before: int = 0) -> Iterator[Record]:
    """The frames of an XYZ file.

    Frames are found by counting lines, so nothing can be read after a wrong count: that frame fails and is the last.

    Args:
        text: of the file, or of a part of it.
        options: those that concern single records.
        before: the lines of the file before the text.
    """
    lines = text.split("\n")
    start = 0
    while True:
        while start < len(lines) and not lines[start].strip():
            start += 1
        if start >= len(lines):
            return
        count = lines[start].strip()
        if not _COUNT.fullmatch(count):
            yield failed_record(
                "",
                f"line {before + start + 1}: expected a number of atoms, got {count[:40]!r}; {_remedy(lines, start)}",
            )
            return
        stop = start + 2 + int(count)
        found = sum(1 for line in lines[start + 2 : stop] if line.strip())
        if found < int(count):
            yield failed_record(
                "",
                f"line {before + start + 1}: expected {count} atoms to follow, got {found}; "
                "correct the count, or restore the missing lines",
            )
            return
        end = stop
        while end < len(lines) and lines[end].startswith("VEC"):
            end += 1
        comment = lines[start + 1] if start + 1 < len(lines) else ""
        frame = _Frame(before + start + 1, comment, lines[start + 2 : stop], lines[stop:end])
        yield _record(frame, options)
        start = end + qm9.lines_after(frame.comment, lines[end : end + 3])


def xyz_streamed(lines: Iterable[str], options: ReadOptions) -> Iterator[Record]:
    """The frames of an XYZ file from its lines as they are read, so that a long trajectory is not held at once."""
    for before, block in xyz_blocks(lines):
        yield from xyz_records(decoded(block), options, before)


def xyz_blocks(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The text of each frame, from the lines of a file of any length; the last is whatever cannot be a frame.

    Each with the number of lines before it. `xyz_records` of a text gives its one record.
    """
    source, ahead, before = iter(lines), deque[str](), 0

    def has(count: int) -> bool:
        ahead.extend(islice(source, max(0, count - len(ahead))))
        return len(ahead) >= count

    while has(1):
        if not ahead[0].strip():
            ahead.popleft()
            before += 1
            continue
        count = ahead[0].strip()
        size = 2 + int(count) if _COUNT.fullmatch(count) else 3
        whole = has(size) and _COUNT.fullmatch(count) is not None
        whole = whole and all(line.strip() for line in islice(ahead, 2, size))
        while whole and has(size + 1) and ahead[size].startswith("VEC"):
            size += 1
        has(size + 3)
        size += qm9.lines_after(ahead[1], list(islice(ahead, size, size + 3))) if whole else 0
        block = [ahead.popleft() for _ in range(min(size, len(ahead)))]
        yield before, "\n".join(block)
        before += len(block)
        if not whole:
            return


def _remedy(lines: list[str], start: int) -> str:
    if lines[start].startswith("$coord"):
        return "this is a file of Turbomole, in bohr; convert it to XYZ"
    if any(_TINKER_ROW.match(line) for line in lines[start + 1 : start + 3]):
        return "this is a file of Tinker; convert it to plain XYZ"
    return "correct the count"


def _record(frame: _Frame, options: ReadOptions) -> Record:
    notes: list[str] = []
    labels: dict[str, str] = {}
    return Record("", lambda: _data(frame, options, notes, labels), notes, labels=labels)


def _data(frame: _Frame, options: ReadOptions, notes: list[str], own_labels: dict[str, str]) -> Data:
    if not frame.atoms:
        raise ValueError("z: expected at least one atom, got none; leave the frame out")
    name = qm9.qm9_name(frame.comment)
    comment = XyzComment({}) if frame.vectors or name else parse_comment(frame.comment)
    columns = parse_columns(comment.columns or PLAIN)
    first = frame.number + 2
    rows = xyz_columns.read_rows(frame.atoms, first, columns)
    if frame.comment.startswith(_LAMMPS) and rows[0][0].isdecimal():
        raise ValueError(
            f"atom line 1: expected a chemical element, got {rows[0][0][:40]!r}, an atom type of LAMMPS; write the "
            "elements: dump_modify element"
        )
    if name and len(rows[0]) == 5:
        columns = parse_columns(qm9.COLUMNS)
        rows = xyz_columns.read_rows(frame.atoms, first, columns)
    widest = max(map(len, rows))
    if widest > columns.total:
        notes.append(
            f"columns: expected {columns.total} in an atom line, got {widest}; name the others in Properties=… to read "
            "them, they were left out"
        )
    found: dict[str, Any] = dict(xyz_columns.labels(rows, columns))
    values: dict[str, Any] = _cell(frame, comment)
    pairs = qm9.qm9_properties(frame.comment) if name else comment.pairs
    if comment.is_extended:
        graph_level = {key: vector(pairs[key]) for key in RESULTS if key in pairs and not KEYS[key].per_atom}
        found |= {key: _stress(value) if key == "stress" else value for key, value in graph_level.items()}
        name = pairs.get("name", "")
    labels, left_out = fit_labels(found, len(rows), float_dtype(options.dtype))
    data = build(
        xyz_columns.elements(rows, columns),
        xyz_columns.positions(rows, first, columns),
        options.dtype,
        **values,
        **labels,
        name=name or None,
    )
    check_coincident_atoms(data.pos)
    doubt = xyz_columns.doubt(rows, columns)
    notes.extend(comment.notes + left_out + [doubt] * bool(doubt))
    own_labels.update({key: value for key, value in pairs.items() if key.lower() not in _NO_LABELS})
    return add_labels(data, options.labels, pairs, "values of the comment line")


def _cell(frame: _Frame, comment: XyzComment) -> dict[str, Any]:
    """``cell`` and ``pbc`` of a frame, if it has them."""
    if frame.vectors:
        return _vectors(frame)
    cell, pbc = comment.cell, comment.pbc
    if cell is None and not any(pbc or ()):
        return {}
    return {"cell": [cell or [[0.0] * 3] * 3], "pbc": [pbc or [True] * 3]}


def _vectors(frame: _Frame) -> dict[str, Any]:
    """The cell of the lines ``VEC1 x y z`` and so on that ADF writes after the atoms."""
    words = [line.split() for line in frame.vectors]
    names = [f"VEC{number}" for number in range(1, len(words) + 1)]
    if len(words) > 3 or [row[0] for row in words] != names or any(len(row) != 4 for row in words):
        raise ValueError(
            f"line {frame.number + 2 + len(frame.atoms)}: expected up to three lines VEC1 x y z, VEC2 x y z, …, got "
            f"{frame.vectors[0][:40]!r}; correct them"
        )
    cell = [parse_numbers(row[1:]) for row in words] + [[0.0] * 3] * (3 - len(words))
    return {"cell": [cell], "pbc": [[number < len(words) for number in range(3)]]}


def _stress(value: list[float] | str) -> Any:
    """Nine numbers as [3, 3], six in Voigt order as they are."""
    return [value[0:3], value[3:6], value[6:9]] if len(value) == 9 and not isinstance(value, str) else value
