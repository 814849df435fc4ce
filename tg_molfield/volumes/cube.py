"""Gaussian CUBE: lengths in Bohr, or in Å if the node counts are negative; one or several data sets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tg_molfield.chem.units import BOHR
from tg_molfield.volumes.comments import format_comment, format_title, parse_comment, parse_title
from tg_molfield.volumes.text import format_rows, read_values, to_counts, to_floats
from tg_molfield.volumes.text_lines import Lines
from tg_molfield.volumes.volume_data import VolumeData

_TOUCHING = re.compile(r"(?<=[\d.])-")


def decode(path: Path, content: bytes) -> VolumeData:
    """The volume in a CUBE file; each data set is a channel.

    Args:
        path: the file, for messages.
        content: its content.

    Raises:
        ValueError: the header is damaged, or there are fewer or more values than it announces.
    """
    lines = Lines(path, content)
    title, comment = lines.next(), lines.next()
    count, *rest = _numbers(path, lines, (4, 5), whole=(0, 4))
    origin, sets = np.array(rest[:3]), int(rest[3]) if len(rest) > 3 else 1
    steps = np.array([_numbers(path, lines, (4,), whole=(0,)) for _ in range(3)])
    shape = [int(n) for n in steps[:, 0]]
    if 0 in shape or len({n > 0 for n in shape}) > 1:
        raise ValueError(
            f"{path}: lines 4 to 6: expected three numbers of nodes of the same sign, got {shape}; correct the header"
        )
    unit = BOHR if shape[0] > 0 else 1.0
    shape = [abs(n) for n in shape]
    natoms = abs(int(count))
    atoms = np.array([_numbers(path, lines, (5,), whole=(0,)) for _ in range(natoms)]).reshape(natoms, 5)
    values = lines.rest()
    if count < 0:
        sets, values = _data_sets(path, values)
    elif sets < 1:
        raise ValueError(f"{path}: line 3: expected at least one value a node, got {sets}; correct the header")
    numbers = read_values(path, values, shape, sets)
    channels, periodic = parse_comment(comment, sets)
    return VolumeData(
        values=np.ascontiguousarray(numbers.reshape(-1, sets).T).reshape(sets, *shape),
        origin=origin * unit,
        axes=steps[:, 1:] * unit,
        channels=channels,
        numbers=atoms[:, 0] if natoms else None,
        positions=atoms[:, 2:] * unit if natoms else None,
        periodic=periodic,
        units=parse_title(title, sets),
    )


def encode(path: Path, data: VolumeData) -> Iterator[bytes]:
    """A CUBE file in Bohr; each channel is a data set, and the second line has their names.

    Values have six digits, lengths at least eight. The fifth number of line 3 is left out where it is 1, since many
    programs expect four.

    Raises:
        ValueError: lengths do not fit their columns.
    """
    sets, *shape = data.values.shape
    numbers = np.zeros(0, dtype=np.int64) if data.numbers is None else data.numbers
    positions = np.zeros((0, 3)) if data.positions is None else data.positions
    natoms = len(numbers) if sets == 1 else -len(numbers)
    several = f"{sets:5d}" if sets > 1 else ""
    header = [
        format_title("Bohr", data.units),
        format_comment(data.channels, data.periodic),
        f"{natoms:5d}{_columns(path, 'the origin', data.origin)}{several}",
    ]
    for n, step in zip(shape, data.axes, strict=True):
        header.append(f"{n:5d}{_columns(path, 'a step', step, 10)}")
    for number, position in zip(numbers, positions, strict=True):
        header.append(f"{number:5d}{float(number):12.6f}{_columns(path, 'an atom', position)}")
    if natoms < 0:
        header.append("".join(f"{label:5d}" for label in (sets, *range(1, sets + 1))))
    yield ("\n".join(header) + "\n").encode()
    rows = data.values.reshape(sets, -1).T.reshape(shape[0] * shape[1], shape[2] * sets)
    yield from format_rows(rows, " %12.5E", 6)


def _columns(path: Path, what: str, lengths: np.ndarray, digits: int = 8) -> str:
    """Lengths in Å as columns in Bohr, with a blank before each, without which readers cannot part them."""
    columns = [f"{length:16.{digits}f}" for length in lengths / BOHR]
    if not all(column.startswith(" ") for column in columns):
        raise ValueError(
            f"{path}: expected lengths that fit the columns of a CUBE file, got {what} of "
            f"{max(map(abs, lengths.tolist())):.3g} Å; write an .npz file, or correct the grid and the atoms"
        )
    return "".join(columns)


def _numbers(path: Path, lines: Lines, lengths: tuple[int, ...], whole: tuple[int, ...]) -> list[float]:
    """The numbers of the next line, by white space or else by the columns of (I5,4F12.6), in which they may touch.

    Args:
        path: the file, for messages.
        lines: of the file.
        lengths: the numbers of numbers that are right.
        whole: which of the numbers are integers.
    """
    text = lines.next().rstrip() if lines else ""
    columns = [text[:5], *(text[i : i + 12] for i in range(5, len(text), 12))]
    for words in (text.split(), columns, _TOUCHING.sub(" -", text).split()):
        try:
            numbers = to_floats([word.strip() for word in words])
        except ValueError:
            continue
        if len(numbers) in lengths and all(_is_count(numbers[i]) for i in whole if i < len(numbers)):
            return numbers
    wanted = " or ".join(map(str, lengths))
    raise ValueError(
        f"{path}: line {lines.number}: expected {wanted} numbers, the counts whole, got "
        f"{' '.join(text.split())[:60]!r}; correct the header and its number of atoms, or restore the missing lines"
    )


def _is_count(number: float) -> bool:
    return number.is_integer() and abs(number) < 2**31


def _data_sets(path: Path, values: bytes) -> tuple[int, bytes]:
    words = values.split(None, 1)
    try:
        (sets,) = to_counts([words[0].decode("latin-1")])
        if not 1 <= sets <= len(values):
            raise ValueError(sets)
    except (IndexError, ValueError) as error:
        raise ValueError(
            f"{path}: expected the number of data sets after the atoms, which a negative number of atoms announces, "
            "got none; make the number of atoms positive, or restore the line if the file is damaged"
        ) from error
    after_labels = values.split(None, 1 + sets)[1 + sets :]
    return sets, after_labels[0] if after_labels else b""
