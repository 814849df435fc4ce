"""CHGCAR, LOCPOT and the other volume files of VASP: periodic cells from the origin, with their atoms, lengths in Å.

CHGCAR, CHG, PARCHG and AECCAR hold the density times the volume of the cell; the volume has the density, in e/Å³. All
others, as LOCPOT (eV) and ELFCAR, are taken as they are. Which one a file is, its name says. Augmentation occupancies
are left out. A second data set is the magnetization or, in LOCPOT, the potential of the other spin.

Source: the VASP wiki, pages CHGCAR, LOCPOT and POSCAR.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from tg_molfield.chem.elements import atomic_numbers, symbols
from tg_molfield.volumes.comments import find_comment, format_comment
from tg_molfield.volumes.text import format_numbers, read_values, to_counts, to_floats
from tg_molfield.volumes.text_lines import Lines
from tg_molfield.volumes.volume_data import VolumeData

_KINDS = r"(CHGCAR|CHG|PARCHG|AECCAR|LOCPOT|ELFCAR)"
_BAND_AND_POINT = r"\.(\d+|ALLB)\.(\d+|ALLK)"
_FILE = re.compile(rf"{_KINDS}\d?({_BAND_AND_POINT})?([_-][^.]*)?(\.gz)?\Z", re.IGNORECASE)
_DENSITIES = ("CHG", "PARCHG", "AECCAR")
_DENSITY = "densities, in e/Å³ times the cell's volume", ("e/Å³",)
_MEANINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "LOCPOT": ("the potential energy of an electron, in eV", ("eV",)),
    "ELFCAR": ("the electron localization function, from 0 to 1", ()),
}
"""What files hold, by name, and the units that this is in; all others hold densities."""

_SETS = {
    True: {
        1: ("density",),
        2: ("density", "magnetization"),
        4: ("density", "magnetization x", "magnetization y", "magnetization z"),
    },
    False: {1: ("potential",), 2: ("potential up", "potential down"), 4: ("0", "1", "2", "3")},
}


def is_vasp_name(path: Path) -> bool:
    """Whether a file has one of VASP's names without a suffix, or with more after ``_`` or ``-``: ``CHGCAR_sum``.

    The names of partial densities may have the number of a band and of a k-point: ``PARCHG.0012.0001``.
    """
    return bool(_FILE.match(path.name))


def decode(path: Path, content: bytes) -> VolumeData:
    """The volume in a file of VASP; each data set is a channel.

    Args:
        path: the file, for messages and for what its values are.
        content: its content.

    Raises:
        ValueError: the file is damaged or cut short.
    """
    lines = Lines(path, content)
    title = lines.next()
    cell, scale = _cell(path, lines)
    numbers, positions, notes = _atoms(path, lines, cell, scale, title)
    shape = _counts(path, lines, "three numbers of nodes")
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"{path}: line {lines.number}: expected three numbers of nodes, got {shape}; correct the file")
    again = re.compile(rb"^[ \t]*%d[ \t]+%d[ \t]+%d[ \t]*\r?$" % tuple(shape), re.MULTILINE)
    blocks = [block.partition(b"augmentation")[0] for block in again.split(lines.rest())]
    sets = [read_values(path, block, shape, extra=len(positions)) for block in blocks]
    values = np.stack([one.reshape(shape[::-1]).T for one in sets])
    is_density, doubt = _is_density(path)
    if is_density and (volume := abs(np.linalg.det(cell))):
        values = values / volume
    comment = find_comment(title)
    names = comment[0] if comment else _SETS[is_density].get(len(values), ())
    return VolumeData(
        values=values,
        origin=np.zeros(3),
        axes=cell / np.array(shape)[:, None],
        channels=names if len(names) == len(values) else tuple(map(str, range(len(values)))),
        numbers=numbers,
        positions=None if numbers is None else positions,
        periodic=(True, True, True),
        notes=notes + doubt,
    )


def check(path: Path, channels: int, periodic: Sequence[bool], has_atoms: bool) -> None:
    """Refuse what a file of VASP cannot hold.

    Raises:
        ValueError: the volume is not periodic, has no atoms, or has another number of channels than 1, 2 or 4.
    """
    if not all(periodic):
        raise ValueError(
            f"{path}: expected a volume that is periodic along all axes, as files of VASP are, got one that is not; "
            "sample a crystal on its cell, with Grid.from_cell(data.cell, shape), or save as .cube or .xsf"
        )
    if not has_atoms:
        raise ValueError(f"{path}: expected a volume with atoms, got none; use .with_atoms(), or save as .xsf")
    if channels not in _SETS[True]:
        raise ValueError(f"{path}: expected 1, 2 or 4 channels, got {channels}; choose some, or save as .xsf")


def encode(path: Path, data: VolumeData) -> Iterator[bytes]:
    """A file of VASP with twelve digits; every channel is a data set.

    Raises:
        ValueError: see `check`.
    """
    check(path, len(data.channels), data.periodic, data.positions is not None)
    assert data.numbers is not None
    assert data.positions is not None
    shape = data.values.shape[1:]
    cell = data.axes * np.array(shape)[:, None]
    scale = abs(np.linalg.det(cell)) if _is_density(path)[0] else 1.0
    start = np.rint(np.linalg.solve(data.axes.T, data.origin)).astype(int)
    values = np.roll(data.values.astype(np.float64) * scale, tuple(start), (1, 2, 3))
    runs = [(symbols()[number], len(list(run))) for number, run in groupby(data.numbers.tolist())]
    places = np.linalg.solve(cell.T, data.positions.T).T
    header = [
        format_comment(data.channels, data.periodic),
        "   1.0",
        *("".join(f" {x:22.16f}" for x in vector) for vector in cell),
        " ".join(f"{symbol:>5}" for symbol, _ in runs),
        " ".join(f"{count:5d}" for _, count in runs),
        "Direct",
        *("".join(f" {x:19.16f}" for x in place) for place in places),
        "",
    ]
    yield ("\n".join(header) + "\n").encode()
    for one in values:
        yield " {:4d} {:4d} {:4d}\n".format(*shape).encode()
        yield from format_numbers(one.T.ravel(), " %18.11E", 5)


def unit_doubts(path: Path, data: VolumeData) -> tuple[str, ...]:
    """What the name of a file to write says of its values, if their units contradict it."""
    known = re.search(_KINDS, path.name, re.IGNORECASE)
    kind, units = _MEANINGS.get(known[1].upper(), _DENSITY) if known else ("", ())
    others = [unit for unit in dict.fromkeys(data.units) if unit and unit not in units]
    if not kind or not others:
        return ()
    return (
        f"by its name programs take the values for {kind}, but they are in {', '.join(others)}; choose another name, "
        "or write .xsf",
    )


def _is_density(path: Path) -> tuple[bool, tuple[str, ...]]:
    """Whether values are densities times the cell's volume, by the name of the file, and a doubt if it does not say."""
    known = re.search(_KINDS, path.name, re.IGNORECASE)
    if known:
        return known[1].upper().startswith(_DENSITIES), ()
    return True, (
        "its name does not say what it holds, so the values were divided by the cell's volume as in CHGCAR; name it "
        "LOCPOT.vasp or ELFCAR.vasp if they are none",
    )


def _cell(path: Path, lines: Lines) -> tuple[np.ndarray, np.ndarray]:
    """The cell [3, 3] and what Cartesian lengths in the file are multiplied by, one number or three."""
    scale = np.array(_floats(path, lines, "a scale", (3, 1)))
    cell = np.array([_floats(path, lines, "a vector of the cell") for _ in range(3)])
    volume = abs(np.linalg.det(cell))
    if len(scale) == 1 and scale[0] < 0 < volume:
        scale = (-scale / volume) ** (1 / 3)
    return cell * scale, scale


def _atoms(
    path: Path, lines: Lines, cell: np.ndarray, scale: np.ndarray, title: str
) -> tuple[np.ndarray | None, np.ndarray, tuple[str, ...]]:
    names = lines.next().split()
    if names and names[0].isdigit():  # before VASP 5 the elements were, at best, in the title
        counts, names = to_counts(names), title.split()
    else:
        counts = _counts(path, lines, "a number of atoms for each element")
    total = sum(counts)
    if min(counts, default=-1) < 0:
        raise ValueError(f"{path}: line {lines.number}: expected numbers of atoms, got {counts}; correct the file")
    kind = lines.next().strip().lower()
    if kind.startswith("s"):
        kind = lines.next().strip().lower()
    places = np.array([_floats(path, lines, "the place of an atom") for _ in range(total)]).reshape(total, 3)
    positions = places * scale if kind[:1] in ("c", "k") else places @ cell
    elements = [atomic_numbers().get(re.split(r"[_/.]", name)[0]) for name in names]
    if len(elements) != len(counts) or None in elements:
        note = f"it names no elements for its {total} atoms, which were left out"
        return None, positions, (note,) if total else ()
    return np.repeat(np.array(elements, np.int64), counts), positions, ()


def _counts(path: Path, lines: Lines, what: str) -> list[int]:
    line = lines.next_filled()
    try:
        return to_counts(line.split())
    except ValueError as error:
        raise ValueError(
            f"{path}: line {lines.number}: expected {what}, got {line.strip()[:40]!r}; correct it"
        ) from error


def _floats(path: Path, lines: Lines, what: str, lengths: tuple[int, ...] = (3,)) -> list[float]:
    """The first numbers of the next line, as many as the first of ``lengths`` that fits; other words may follow."""
    line = lines.next()
    words = line.split()
    for length in lengths:
        try:
            numbers = to_floats(words[:length])
        except ValueError:
            continue
        if len(numbers) == length and all(map(math.isfinite, numbers)):
            return numbers
    raise ValueError(f"{path}: line {lines.number}: expected {what}, got {line.strip()[:40]!r}; correct the file")
