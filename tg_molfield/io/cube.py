"""Gaussian CUBE files: lengths in Bohr (or Å, by a negative node count), one data set or several."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tg_molfield.io.files import atomic_write, read_bytes
from tg_molfield.io.volumes import VolumeData

BOHR = 0.529177210544
"""One Bohr in Å (CODATA 2022)."""

_CHANNELS = "channels: "


def read(path: Path) -> VolumeData:
    """Read a CUBE file; several data sets become channels.

    Raises:
        ValueError: the header is damaged, or there are fewer or more values than it promises.
    """
    lines = read_bytes(path).decode("latin-1").splitlines()
    if len(lines) < 7:
        raise ValueError(f"{path}: a CUBE header has at least 6 lines, this file has {len(lines)} in all")
    count, *rest = _numbers(path, lines, 2, (4, 5))
    origin, sets = np.array(rest[:3]), int(rest[3]) if len(rest) > 3 else 1
    steps = np.array([_numbers(path, lines, line, (4,)) for line in (3, 4, 5)])
    shape = steps[:, 0].astype(int)
    if (shape == 0).any() or not (np.sign(shape) == np.sign(shape[0])).all():
        raise ValueError(f"{path}: lines 4 to 6 give the numbers of nodes {shape.tolist()}; expected three of one sign")
    unit = BOHR if shape[0] > 0 else 1.0
    shape = np.abs(shape)
    natoms = abs(int(count))
    atoms = np.array([_numbers(path, lines, 6 + i, (5,)) for i in range(natoms)]).reshape(natoms, 5)
    words = " ".join(lines[6 + natoms :]).split()
    if count < 0:
        sets, words = _data_sets(path, words)
    expected = int(shape.prod()) * sets
    if len(words) != expected:
        grid = "×".join(map(str, shape))
        raise ValueError(
            f"{path}: the header promises {grid} nodes × {sets} data sets = {expected} values, the file holds "
            f"{len(words)}; it is {'cut short' if len(words) < expected else 'damaged'}, fetch it again"
        )
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"{path}: among the values is something that is no number: {error}") from error
    return VolumeData(
        values=np.ascontiguousarray(np.moveaxis(values.reshape(*shape, sets), -1, 0)),
        origin=origin * unit,
        axes=steps[:, 1:] * unit,
        channels=_channel_names(lines[1], sets),
        numbers=atoms[:, 0].astype(np.int64) if natoms else None,
        positions=atoms[:, 2:] * unit if natoms else None,
    )


def write(path: Path, data: VolumeData) -> None:
    """Write a CUBE file in Bohr; several channels become data sets, their names go into the second line."""
    sets, *shape = data.values.shape
    numbers = np.zeros(0, dtype=np.int64) if data.numbers is None else data.numbers
    positions = np.zeros((0, 3)) if data.positions is None else data.positions
    natoms = len(numbers) if sets == 1 else -len(numbers)
    several = sets > 1 and len(numbers) > 0
    x, y, z = data.origin / BOHR
    header = [
        "Written by tg_molfield, lengths in Bohr",
        _CHANNELS + json.dumps(list(data.channels)),
        f"{natoms:5d}{x:16.8f}{y:16.8f}{z:16.8f}" + f"{sets:5d}",
    ]
    for n, (x, y, z) in zip(shape, data.axes / BOHR, strict=True):
        header.append(f"{n:5d}{x:16.10f}{y:16.10f}{z:16.10f}")
    for number, (x, y, z) in zip(numbers, positions / BOHR, strict=True):
        header.append(f"{number:5d}{float(number):12.6f}{x:16.8f}{y:16.8f}{z:16.8f}")
    if several:
        header.append("".join(f"{label:5d}" for label in (sets, *range(1, sets + 1))))
    rows = np.moveaxis(data.values, 0, -1).reshape(shape[0] * shape[1], shape[2] * sets)
    with atomic_write(path) as stream:
        stream.write(("\n".join(header) + "\n").encode())
        for row in rows:
            words = [f"{value:13.5E}" for value in row]
            text = "\n".join("".join(words[i : i + 6]) for i in range(0, len(words), 6))
            stream.write(text.encode() + b"\n")


def _numbers(path: Path, lines: list[str], line: int, lengths: tuple[int, ...]) -> list[float]:
    words = lines[line].split() if line < len(lines) else []
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) not in lengths:
        wanted = " or ".join(map(str, lengths))
        raise ValueError(
            f"{path}: line {line + 1} of the CUBE file should hold {wanted} numbers, it reads {' '.join(words)!r}; "
            "the header and the number of atoms do not agree"
        )
    return numbers


def _data_sets(path: Path, words: list[str]) -> tuple[int, list[str]]:
    try:
        sets = int(words[0])
    except (IndexError, ValueError) as error:
        raise ValueError(
            f"{path}: a negative number of atoms announces data set labels, but no count of them follows the atoms"
        ) from error
    return sets, words[1 + sets :]


def _channel_names(comment: str, sets: int) -> tuple[str, ...]:
    if comment.startswith(_CHANNELS):
        try:
            names = json.loads(comment.removeprefix(_CHANNELS))
        except json.JSONDecodeError:
            names = None
        if isinstance(names, list) and len(names) == sets and len(set(map(str, names))) == sets:
            return tuple(map(str, names))
    return tuple(str(i) for i in range(sets))
