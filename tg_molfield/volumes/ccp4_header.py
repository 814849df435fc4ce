"""The header of a CCP4 or MRC map (1024 bytes), and the geometry of its cell.

Source: Cheng et al., "MRC2014: Extensions to the MRC format header for electron cryo-microscopy and tomography" (2015).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

HEADER = np.dtype(
    [
        ("count", "<i4", 3),
        ("mode", "<i4"),
        ("start", "<i4", 3),
        ("intervals", "<i4", 3),
        ("cell", "<f4", 3),
        ("angles", "<f4", 3),
        ("order", "<i4", 3),
        ("statistics", "<f4", 3),
        ("space_group", "<i4"),
        ("extra_bytes", "<i4"),
        ("skew", "<i4"),
        ("skew_matrix", "<f4", (3, 3)),
        ("skew_shift", "<f4", 3),
        ("unused", "<i4", 12),
        ("origin", "<f4", 3),
        ("map", "S4"),
        ("stamp", "u1", 4),
        ("rms", "<f4"),
        ("num_labels", "<i4"),
        ("labels", "u1", 800),
    ]
)
"""Words 1 to 256; ``count``, ``start`` and ``order`` are in the order column, row, section, the rest in x, y, z."""

TYPES = {mode: np.dtype(kind) for mode, kind in {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}.items()}
"""The modes with real values; 3 and 4 are Fourier transforms."""

_VERSION = 20140
_IMOD_STAMP = 1146047817
_STACK = range(401, 631)
"""The space groups of stacks of volumes: 400 more than that of each volume."""
_CRYSTAL = (*range(1, 231), *range(1000, 6000))
"""The space groups of crystals; numbers above 1000 are other settings in the list of CCP4."""
_EXPECTED = {
    "order": "a permutation of 1, 2, 3",
    "count": "positive numbers of nodes",
    "intervals": "numbers of intervals",
    "cell": "lengths in Å",
    "angles": "angles between 0 and 180 degrees",
    "extra_bytes": "at least 0 bytes",
    "space_group": "a space group from 0 to 230 or of CCP4, or from 401 to 630 for a stack of volumes",
}


class Header(NamedTuple):
    """The header, with what it leaves open filled in, and what was not as the format wants it."""

    words: np.void
    kind: np.dtype
    notes: tuple[str, ...]

    @property
    def xyz(self) -> np.ndarray:
        """The place [3] of x, y and z among columns, rows and sections."""
        return np.argsort(self.words["order"])

    @property
    def num_volumes(self) -> int:
        """The number of volumes in a stack, else 1."""
        is_stack = int(self.words["space_group"]) in _STACK
        return int(self.words["count"][2] // self.words["intervals"][2]) if is_stack else 1

    @property
    def is_crystal(self) -> bool:
        """Whether the map is of a crystal by its space group."""
        return int(self.words["space_group"]) in _CRYSTAL


def read_header(path: Path, content: bytes) -> Header:
    """The header, in either byte order.

    An axis order of zeros, as in old files, becomes 1, 2, 3. Without numbers of intervals the map spans the cell,
    without cell lengths a voxel is 1 Å long, and without angles they are 90 degrees.

    Raises:
        ValueError: the header is too short, or a number in it is invalid; the message gives the number.
    """
    if len(content) < HEADER.itemsize:
        raise ValueError(
            f"{path}: expected a CCP4 or MRC header of 1024 bytes, got {len(content)} bytes; "
            "download or copy the file again, it is cut short"
        )
    words = _in_byte_order(path, content)
    if not words["order"].any():
        words["order"] = 1, 2, 3
    if int(words["mode"]) not in TYPES:
        known = ", ".join(map(str, TYPES))
        raise ValueError(f"{path}: expected mode {known}, got mode {words['mode']}; convert it to a map of real values")
    group = int(words["space_group"])
    valid = {
        "order": sorted(words["order"].tolist()) == [1, 2, 3],
        "count": (words["count"] > 0).all(),
        "intervals": (words["intervals"] >= 0).all(),
        "cell": (np.isfinite(words["cell"]) & (words["cell"] >= 0)).all(),
        "angles": ((words["angles"] > 0) & (words["angles"] < 180)).all() or not words["angles"].any(),
        "extra_bytes": words["extra_bytes"] >= 0,
        "space_group": group in (0, *_CRYSTAL, *_STACK),
    }
    for name, is_valid in valid.items():
        if not is_valid:
            raise ValueError(
                f"{path}: {name} in the header: expected {_EXPECTED[name]}, got {words[name].tolist()}; "
                "download or copy the file again, it is damaged"
            )
    header = Header(words, _kind(words), _fill_in(words))
    if group in _STACK and (words["count"][2] % words["intervals"][2] or words["order"].tolist() != [1, 2, 3]):
        raise ValueError(
            f"{path}: expected a stack of volumes of {words['intervals'][2]} sections (MZ), got {words['count'][2]} "
            f"sections along axis {words['order'][2]}; correct the header"
        )
    return header


def _in_byte_order(path: Path, content: bytes) -> np.void:
    readings = [np.frombuffer(content, kind, 1).copy()[0] for kind in (HEADER, HEADER.newbyteorder(">"))]
    sound = [h for h in readings if 0 <= h["mode"] < 256 and (np.abs(h["order"]) <= 3).all()]
    if not sound:
        raise ValueError(
            f"{path}: expected a CCP4 or MRC map, got a header without a valid mode and axis order; "
            "check the file, it is another format or damaged"
        )
    return min(sound, key=lambda h: not 0 < math.prod(map(int, h["count"])) <= len(content))


def _kind(words: np.void) -> np.dtype:
    kind = TYPES[int(words["mode"])]
    stamp, flags = map(int, words["unused"][1:3])
    if kind == np.int8 and stamp == _IMOD_STAMP and not flags & 1:
        kind = np.dtype("u1")  # IMOD before version 4.2.23
    return kind.newbyteorder(words.dtype["mode"].byteorder)


def _fill_in(words: np.void) -> tuple[str, ...]:
    notes = []
    count = words["count"][np.argsort(words["order"])]
    if not words["intervals"].all():
        words["intervals"] = np.where(words["intervals"], words["intervals"], count)
        notes.append("the header gives no intervals (MX, MY, MZ), the map was taken to span its cell")
    if not words["cell"].all():
        words["cell"] = np.where(words["cell"], words["cell"], words["intervals"])
        notes.append("the header gives no voxel size, 1 Å was assumed")
    if not words["angles"].any():
        words["angles"] = 90
        notes.append("the header gives no cell angles, 90 degrees were assumed")
    words["origin"] = np.where(np.isfinite(words["origin"]), words["origin"], 0)
    return tuple(notes)


def blank_header(label: str) -> np.ndarray:
    """A little-endian header with the fixed words of MRC2014 and the ASCII text ``label``, cut at 800 characters."""
    header = np.zeros((), HEADER)
    header["map"] = b"MAP "
    header["stamp"] = 0x44, 0x44, 0, 0
    header["skew_matrix"][0, 2] = np.int32(_VERSION).view(np.float32)
    text = label.encode("ascii")[:800]
    header["num_labels"] = -(-len(text) // 80)
    header["labels"] = np.frombuffer(text.ljust(800), np.uint8)
    return header


def cell_vectors(lengths: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """The cell vectors [3, 3] for lengths [3] and angles [3] in degrees, with a along x and b in the xy plane."""
    a, b, c = lengths.astype(np.float64)
    alpha, beta, gamma = (0.0 if angle == 90 else np.cos(np.radians(np.float64(angle))) for angle in angles)
    height = np.sqrt(1 - gamma**2)
    y = (alpha - beta * gamma) / height
    z = np.sqrt(max(1 - beta**2 - y**2, 0.0))
    return np.array([[a, 0, 0], [b * gamma, b * height, 0], [c * beta, c * y, c * z]])


def cell_parameters(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lengths [3] and the angles [3] in degrees of the cell ``vectors`` [3, 3]."""
    lengths = np.linalg.norm(vectors, axis=1)
    a, b, c = vectors / lengths[:, None]
    return lengths, np.degrees(np.arccos([b @ c, a @ c, a @ b]))
