"""OpenDX with a scalar on a regular grid, as APBS and VMD write it: lengths in Å, any three axes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tg_molfield.volumes.comments import format_comment, parse_comment
from tg_molfield.volumes.text import format_rows, read_values
from tg_molfield.volumes.volume_data import VolumeData

_ARRAY = re.compile(rb"^[^#\n]*\bclass\s+array\b([^\n]*)\n", re.MULTILINE)
_AFTER_VALUES = (b"attribute", b"object", b"component", b"end")


def decode(path: Path, content: bytes) -> VolumeData:
    """The volume in an OpenDX file.

    Args:
        path: the file, for messages.
        content: its content, with values as text.

    Raises:
        ValueError: the header is damaged or describes another kind of object, or values are missing.
    """
    array = _ARRAY.search(content)
    if array is None:
        raise ValueError(
            f"{path}: expected a line 'object … class array …', got none; "
            "download or copy the file again, it is cut short or damaged"
        )
    header = content[: array.start()].decode("latin-1")
    declaration = array[1].decode("latin-1").split()
    if {"binary", "lsb", "msb", "ieee", "file"} & set(declaration):
        raise ValueError(f"{path}: expected values as text, got binary values or another file; write them as text")
    if "rank" in declaration and declaration[declaration.index("rank") + 1 :][:1] != ["0"]:
        raise ValueError(f"{path}: expected a scalar (rank 0), got {' '.join(declaration)!r}; split it by component")
    shape = np.array(_vectors(path, header, r"gridpositions\s+counts", 1)[0], dtype=int)
    if (shape < 1).any():
        raise ValueError(f"{path}: expected positive counts of nodes, got {shape.tolist()}; correct the header")
    values = content[array.end() :]
    stop = min((place for word in _AFTER_VALUES if (place := values.find(word)) >= 0), default=len(values))
    numbers = read_values(path, values[:stop], shape)
    channels, periodic = parse_comment(header, 1)
    return VolumeData(
        values=numbers.reshape(1, *shape),
        origin=np.array(_vectors(path, header, r"^\s*origin", 1)[0]),
        axes=np.array(_vectors(path, header, r"^\s*delta", 3)),
        channels=channels,
        periodic=periodic,
    )


def encode(path: Path, data: VolumeData) -> Iterator[bytes]:
    """An OpenDX file of the single channel, with all digits of the values."""
    shape = data.values.shape[1:]
    counts = " ".join(map(str, shape))
    yield "\n".join([
        "# Written by tg_molfield, lengths in Angstrom",
        f"# {format_comment(data.channels, data.periodic)}",
        f"object 1 class gridpositions counts {counts}",
        "origin " + " ".join(f"{x:.17g}" for x in data.origin),
        *("delta " + " ".join(f"{x:.17g}" for x in axis) for axis in data.axes),
        f"object 2 class gridconnections counts {counts}",
        f"object 3 class array type double rank 0 items {data.values.size} data follows\n",
    ]).encode()  # fmt: skip
    number = " %.9g" if data.values.dtype.itemsize <= 4 else " %.17g"
    yield from format_rows(data.values.reshape(-1, shape[2]), number, 3)
    yield (
        b'attribute "dep" string "positions"\nobject "regular positions regular connections" class field\n'
        b'component "positions" value 1\ncomponent "connections" value 2\ncomponent "data" value 3\n'
    )


def _vectors(path: Path, header: str, start: str, count: int) -> list[list[float]]:
    found = [match[1].split() for match in re.finditer(start + r"\s+([^\n]*)", header, re.MULTILINE)]
    try:
        vectors = [[float(word) for word in words] for words in found]
    except ValueError:
        vectors = []
    if len(vectors) != count or any(len(vector) != 3 for vector in vectors):
        what = start.replace(r"\s+", " ").replace(r"^\s*", "")
        raise ValueError(
            f"{path}: expected {count} line(s) '{what}' with three numbers before the array, got "
            f"{[' '.join(words) for words in found]}; correct the header, or resample on a regular grid"
        )
    return vectors
