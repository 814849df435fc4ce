"""The header of a CCP4 or MRC map (1024 bytes), and the geometry of its cell.

Source: Cheng et al., "MRC2014: Extensions to the MRC format header for electron cryo-microscopy and tomography" (2015).
"""

from __future__ import annotations

from pathlib import Path

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
_EXPECTED = {
    "order": "a permutation of 1, 2, 3",
    "count": "positive numbers of nodes",
    "intervals": "positive numbers of intervals",
    "cell": "positive lengths in Å",
    "angles": "angles between 0 and 180 degrees",
    "extra_bytes": "at least 0 bytes",
}


def read_header(path: Path, content: bytes) -> np.void:
    """The header, in either byte order; an axis order of zeros, as in old files, becomes 1, 2, 3.

    Raises:
        ValueError: the header is too short, or a number in it is invalid; the message gives the number.
    """
    if len(content) < HEADER.itemsize:
        raise ValueError(
            f"{path}: expected a CCP4 or MRC header of 1024 bytes, got {len(content)} bytes; "
            "download or copy the file again, it is cut short"
        )
    readings = [np.frombuffer(content, kind, 1).copy()[0] for kind in (HEADER, HEADER.newbyteorder(">"))]
    header = next((h for h in readings if 0 <= h["mode"] < 256 and (np.abs(h["order"]) <= 3).all()), None)
    if header is None:
        raise ValueError(
            f"{path}: expected a CCP4 or MRC map, got a header without a valid mode and axis order; "
            "check the file, it is another format or damaged"
        )
    if not header["order"].any():
        header["order"] = 1, 2, 3
    if int(header["mode"]) not in TYPES:
        known = ", ".join(map(str, TYPES))
        raise ValueError(
            f"{path}: expected mode {known}, got mode {header['mode']}; convert it to a map of real values"
        )
    if header["space_group"] > 400:
        raise ValueError(
            f"{path}: expected one volume, got space group {header['space_group']} (stack of volumes); split it"
        )
    valid = {
        "order": sorted(header["order"].tolist()) == [1, 2, 3],
        "count": (header["count"] > 0).all(),
        "intervals": (header["intervals"] > 0).all(),
        "cell": (np.isfinite(header["cell"]) & (header["cell"] > 0)).all(),
        "angles": ((header["angles"] > 0) & (header["angles"] < 180)).all(),
        "extra_bytes": header["extra_bytes"] >= 0,
    }
    for name, is_valid in valid.items():
        if not is_valid:
            raise ValueError(
                f"{path}: {name} in the header: expected {_EXPECTED[name]}, got {header[name].tolist()}; "
                "download or copy the file again, it is damaged"
            )
    header["origin"] = np.where(np.isfinite(header["origin"]), header["origin"], 0)
    return header


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
