"""OpenDX with a scalar on a regular grid, as APBS and VMD write it: lengths in Å, any three axes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tg_molfield.volumes.comments import format_comment, format_title, parse_comment, parse_title
from tg_molfield.volumes.text import format_rows, read_values, to_counts, to_floats
from tg_molfield.volumes.volume_data import VolumeData

_AFTER_VALUES = (b"attribute", b"object", b"component", b"end")
_LONGEST_HEADER, _LONGEST_LINE = 2**18, 2**16
_COMMENT = re.compile(rb"#[^\n]*")
_NOT_TEXT = {"binary", "lsb", "msb", "ieee", "file"}


def decode(path: Path, content: bytes) -> VolumeData:
    """The volume in an OpenDX file.

    Args:
        path: the file, for messages.
        content: its content, with values as text.

    Raises:
        ValueError: the header is damaged or describes another kind of object, or values are missing.
    """
    header, declaration, values = _split(path, content)
    if _NOT_TEXT & set(declaration):
        raise ValueError(f"{path}: expected values as text, got binary values or another file; write them as text")
    if "rank" in declaration and declaration[declaration.index("rank") + 1 :][:1] != ["0"]:
        raise ValueError(f"{path}: expected a scalar (rank 0), got {' '.join(declaration)!r}; split it by component")
    words = [line.split("#")[0].split() for line in header]
    counts = [line[line.index("counts") + 1 :] for line in words if "gridpositions" in line and "counts" in line]
    shape = to_counts(_vectors(path, "gridpositions counts", counts, 1)[0])
    if min(shape) < 1:
        raise ValueError(f"{path}: expected positive counts of nodes, got {shape}; correct the header")
    (origin,) = _vectors(path, "origin", [line[1:] for line in words if line[:1] == ["origin"]], 1)
    axes = _vectors(path, "delta", [line[1:] for line in words if line[:1] == ["delta"]], 3)
    channels, periodic = parse_comment("\n".join(header), 1)
    return VolumeData(
        values=read_values(path, values, shape).reshape(1, *shape),
        origin=np.array(to_floats(origin)),
        axes=np.array([to_floats(axis) for axis in axes]),
        channels=channels,
        periodic=periodic,
        units=parse_title("\n".join(header), 1),
    )


def encode(path: Path, data: VolumeData) -> Iterator[bytes]:
    """An OpenDX file of the single channel, with all digits of the values."""
    shape = data.values.shape[1:]
    counts = " ".join(map(str, shape))
    yield "\n".join([
        f"# {format_title('Angstrom', data.units)}",
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


def _split(path: Path, content: bytes) -> tuple[list[str], list[str], bytes]:
    """The lines before the array, the words after ``class array``, and its values."""
    place = 0
    while place < min(len(content), _LONGEST_HEADER):
        end = content.find(b"\n", place) + 1 or len(content)
        words = content[place : min(end, place + _LONGEST_LINE)].decode("latin-1").split("#")[0].split()
        if "class" in words and words[words.index("class") + 1 :][:1] == ["array"]:
            values = _COMMENT.sub(b"", content[end:])
            stop = min((found for word in _AFTER_VALUES if (found := values.find(word)) >= 0), default=len(values))
            if b"gridpositions" in values[stop:]:
                raise ValueError(f"{path}: expected one grid, got another after its values; split the file")
            header = content[:place].decode("latin-1").splitlines()
            return [line for line in header if line.strip()], words[words.index("array") + 1 :], values[:stop]
        place = end
    raise ValueError(
        f"{path}: expected a line 'object … class array …', got none; "
        "download or copy the file again, it is cut short or damaged"
    )


def _vectors(path: Path, what: str, found: list[list[str]], count: int) -> list[list[str]]:
    if len(found) != count or any(len(words) != 3 for words in found):
        lines = "; ".join(" ".join(words) for words in found)
        raise ValueError(
            f"{path}: expected {count} line(s) '{what}' with three numbers before the array, got {lines[:40]!r}; "
            "correct the header, or resample on a regular grid"
        )
    return found
