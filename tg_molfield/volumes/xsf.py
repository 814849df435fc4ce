"""XSF of XCrySDen: grids that span any vectors, with the atoms of a molecule or a crystal, lengths in Å.

Grids are general: the last node is at the end of each vector, and repeats the first one where the vector is a period.
Such nodes are left out of the volume, and written again.

Source: the XSF specification at xcrysden.org.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tg_molfield.chem.elements import atomic_numbers
from tg_molfield.volumes.comments import APERIODIC, Periodic, find_comment, format_comment, format_title, parse_title
from tg_molfield.volumes.text import format_rows, read_values, to_counts, to_floats
from tg_molfield.volumes.text_lines import Lines
from tg_molfield.volumes.volume_data import VolumeData

_DIRECTIONS = {"CRYSTAL": 3, "SLAB": 2, "POLYMER": 1, "MOLECULE": 0, "ATOMS": 0}
_GRID = re.compile(r"(?:BEGIN_)?DATAGRID_3D_?(.*)")
_LABEL = re.compile(r"([A-Za-z]+)(?:[\d_-].*)?\Z")
"""An element, or one with the number or the name of a kind, as Quantum ESPRESSO has: ``Fe1``, ``Fe_u``, ``O-h``."""


class _Grid(NamedTuple):
    name: str
    origin: list[float]
    spans: np.ndarray
    values: np.ndarray


class _File:
    """What has been read of a file so far."""

    def __init__(self) -> None:
        self.directions = 0
        self.cells: list[np.ndarray] = []
        self.numbers: list[int] = []
        self.positions: list[list[float]] = []
        self.grids: list[_Grid] = []
        self.title = ""
        self.comment: tuple[tuple[str, ...], Periodic] | None = None


def decode(path: Path, content: bytes) -> VolumeData:
    """The volume in an XSF file; each data grid is a channel.

    Args:
        path: the file, for messages.
        content: its content.

    Raises:
        ValueError: the file is damaged, has no grid of three dimensions, several steps, or grids of different nodes.
    """
    file = _parse(path, content)
    if not file.grids:
        raise ValueError(
            f"{path}: expected a grid (BEGIN_BLOCK_DATAGRID_3D), got none; convert a "
            "structure to CIF or XYZ, or copy the file again if it is cut short"
        )
    first = file.grids[0]
    for grid in file.grids[1:]:
        same = grid.values.shape == first.values.shape and grid.origin == first.origin
        if not same or not np.array_equal(grid.spans, first.spans):
            raise ValueError(
                f"{path}: expected grids with the same nodes, got others for {grid.name[:40]!r} than for "
                f"{first.name[:40]!r}; put them into different files"
            )
    values = np.stack([grid.values for grid in file.grids])
    axes = first.spans / np.maximum(np.array(values.shape[1:]) - 1, 1)[:, None]
    periodic, notes = _periods(file, values)
    kept = tuple(slice(-1) if repeats else slice(None) for repeats in periodic)
    names = file.comment[0] if file.comment else tuple(grid.name for grid in file.grids)
    if len(names) != len(values) or len(set(names)) != len(names) or "" in names:
        names = tuple(map(str, range(len(values))))
    return VolumeData(
        values=values[(slice(None), *kept)],
        origin=np.array(first.origin),
        axes=axes,
        channels=names,
        numbers=np.array(file.numbers) if file.numbers else None,
        positions=np.array(file.positions) if file.numbers else None,
        periodic=periodic,
        notes=notes,
        units=parse_title(file.title, len(values)),
    )


def encode(path: Path, data: VolumeData) -> Iterator[bytes]:
    """An XSF file with all digits of the values; every channel is a data grid.

    A periodic volume is a crystal. Its cell is one step longer than the grid along an axis that does not repeat, so
    that no program takes the grid for a whole period.

    Raises:
        ValueError: an axis that does not repeat has a single node, which gives no step.
    """
    periodic, shape = np.array(data.periodic), np.array(data.values.shape[1:])
    if (shape[~periodic] == 1).any():
        raise ValueError(
            f"{path}: expected at least 2 nodes along an axis that does not repeat, got {shape.tolist()}; save as .cube"
        )
    cell = data.axes * shape[:, None]
    numbers = np.zeros(0, np.int64) if data.numbers is None else data.numbers
    positions = np.zeros((0, 3)) if data.positions is None else data.positions
    atoms = [f" {z:3d} {_vector(x)}" for z, x in zip(numbers.tolist(), positions, strict=True)]
    lines = [f"# {format_title('Angstrom', data.units)}", f"# {format_comment(data.channels, data.periodic)}"]
    if any(data.periodic):
        lines += ["CRYSTAL", "PRIMVEC", *map(_vector, cell), "PRIMCOORD", f" {len(numbers)} 1", *atoms]
    elif atoms:
        lines += ["ATOMS", *atoms]
    lines += ["BEGIN_BLOCK_DATAGRID_3D", " tg_molfield"]
    yield ("\n".join(lines) + "\n").encode()
    spans = data.axes * (shape - ~periodic)[:, None]
    number = " %.9g" if data.values.dtype.itemsize <= 4 else " %.17g"
    for name, channel in zip(data.channels, data.values, strict=True):
        values = np.pad(channel, [(0, int(repeats)) for repeats in periodic], mode="wrap")
        head = [f"BEGIN_DATAGRID_3D_{re.sub('[^A-Za-z0-9+-]+', '_', name) or '_'}", " ".join(map(str, values.shape))]
        yield "\n".join([*head, _vector(data.origin), *map(_vector, spans), ""]).encode()
        yield from format_rows(values.transpose(2, 1, 0).reshape(-1, values.shape[0]), number, 6)
        yield b"END_DATAGRID_3D\n"
    yield b"END_BLOCK_DATAGRID_3D\n"


def _parse(path: Path, content: bytes) -> _File:
    file, lines = _File(), Lines(path, content)
    while lines.skip_blank():
        line = lines.next().strip()
        word = line.split()[0].upper() if line else ""
        if line.startswith("#"):
            file.title = file.title or line
            file.comment = file.comment or find_comment(line)
        elif word == "ANIMSTEPS":
            raise ValueError(f"{path}: expected one structure, got an animation ({line[:40]!r}); take one step of it")
        elif word in _DIRECTIONS:
            file.directions = _DIRECTIONS[word]
            if word == "ATOMS":
                _read_atoms(path, lines, file)
        elif word == "DIM-GROUP":
            file.directions = int(_numbers(path, lines, None)[0])
        elif word in ("PRIMVEC", "CONVVEC"):
            file.cells.append(np.array([_numbers(path, lines, 3) for _ in range(3)]))
        elif word in ("PRIMCOORD", "CONVCOORD"):
            count = max(0, int(_numbers(path, lines, None)[0]))
            _read_atoms(path, lines, file if word == "PRIMCOORD" else _File(), count)
        elif word in ("BEGIN_BLOCK_DATAGRID_3D", "BLOCK_DATAGRID_3D"):
            lines.next()
        elif _GRID.match(word):
            file.grids.append(_read_grid(path, lines, line))
        elif word.startswith("BEGIN_"):
            lines.rest(b"END_" + word.removeprefix("BEGIN_").encode("latin-1"))
        elif word and not word.startswith("END_"):
            raise ValueError(f"{path}: line {lines.number}: expected a keyword of XSF, got {line[:40]!r}; correct it")
    return file


def _read_atoms(path: Path, lines: Lines, file: _File, count: int | None = None) -> None:
    """Read ``count`` atoms or, if None, all up to the next line that is none."""
    if file.numbers:
        raise ValueError(f"{path}: line {lines.number}: expected one list of atoms, got another; split the file")
    while lines.skip_blank() and (count is None or count > 0):
        if count is None and not re.match(r"\s*([\w-]+\s+[-+.\d]|#)", lines.peek()):
            return
        line = lines.next()
        if line.lstrip().startswith("#"):
            continue
        symbol, *rest = line.split()
        try:
            position = to_floats(rest[:3])
            label = _LABEL.match(symbol)
            element = label[1].capitalize() if label else symbol
            number = to_counts([symbol])[0] if symbol.isdigit() else atomic_numbers()[element]
        except (ValueError, KeyError) as error:
            raise ValueError(
                f"{path}: line {lines.number}: expected an atom and its place, got {line.strip()[:40]!r}; correct it"
            ) from error
        if len(position) != 3:
            raise ValueError(
                f"{path}: line {lines.number}: expected three coordinates, got {len(position)}; correct it"
            )
        file.numbers.append(number)
        file.positions.append(position)
        count = None if count is None else count - 1
    if count:
        raise ValueError(
            f"{path}: expected {count} more atoms, got the end; download or copy it again, it is cut short"
        )


def _read_grid(path: Path, lines: Lines, line: str) -> _Grid:
    found = _GRID.match(line.upper())
    name = line[found.start(1) :] if found else ""
    shape = [int(n) for n in _numbers(path, lines, 3, whole=True)]
    if min(shape) < 1:
        raise ValueError(f"{path}: line {lines.number}: expected positive numbers of nodes, got {shape}; correct them")
    origin = _numbers(path, lines, 3)
    spans = np.array([_numbers(path, lines, 3) for _ in range(3)])
    values = read_values(path, lines.rest(b"END_DATAGRID"), shape)
    return _Grid(name, origin, spans, values.reshape(shape[::-1]).T)


def _numbers(path: Path, lines: Lines, count: int | None, whole: bool = False) -> list[float]:
    """The ``count`` numbers of the next line that is not empty; those that there are if None."""
    line = lines.next_filled().strip()
    while line.startswith("#"):
        line = lines.next_filled().strip()
    try:
        words = line.split()
        numbers = list(map(float, to_counts(words))) if whole or count is None else to_floats(words)
    except ValueError:
        numbers = []
    if len(numbers) != (count or len(numbers)) or not numbers:
        wanted = f"{count} {'whole ' if whole else ''}numbers" if count else "numbers of atoms"
        raise ValueError(f"{path}: line {lines.number}: expected {wanted}, got {line[:40]!r}; correct the file")
    return numbers


def _periods(file: _File, values: np.ndarray) -> tuple[Periodic, tuple[str, ...]]:
    """The axes along which the grid spans a period, by the comment of `encode` or by the cell and the values."""
    if file.comment:
        return file.comment[1], ()
    flags, notes = list(APERIODIC), []
    tolerance = 1e-4 * np.abs(values).max(initial=0)
    for axis, span in enumerate(file.grids[0].spans):
        is_period = any(_is_period(span, cell, file.directions) for cell in file.cells)
        if is_period and values.shape[1 + axis] > 1:
            ends = values.take((0, -1), 1 + axis)
            flags[axis] = bool(np.abs(np.diff(ends, axis=1 + axis)).max() <= tolerance)
            if not flags[axis]:
                notes.append(
                    f"vector {axis + 1} of the grid is a period of the crystal, but the last nodes do not repeat the "
                    "first, so the volume is not periodic along it"
                )
    if _is_by_ase(file, values.shape[1:]):
        notes.append(
            "the vectors of the grid are (n + 1)/n times those of the cell, as ASE writes them by default, so that "
            "steps are too long if n of them make the cell; write the file with span_vectors=cell * (n - 1)/n"
        )
    return (flags[0], flags[1], flags[2]), tuple(notes)


def _is_by_ase(file: _File, shape: tuple[int, ...]) -> bool:
    """Whether all vectors of the grid are a little longer than the cell, as ``ase.io.write(…, data=…)`` makes them."""
    nodes = np.array(shape)[:, None]
    spans = file.grids[0].spans * nodes / (nodes + 1)
    return any(bool(np.abs(spans - cell).max() <= 1e-5 * np.abs(cell).max()) for cell in file.cells)


def _is_period(span: np.ndarray, cell: np.ndarray, directions: int) -> bool:
    if not directions or abs(np.linalg.det(cell)) < 1e-9:
        return False
    steps = np.linalg.solve(cell.T, span)
    whole = np.rint(steps)
    return bool(np.abs(steps - whole).max() < 1e-4 and whole[:directions].any() and not whole[directions:].any())


def _vector(vector: np.ndarray) -> str:
    return " ".join(f"{x:.17g}" for x in vector)
