"""CCP4 and MRC maps: single precision, on part of a crystal cell or in a box.

The header gives the position of the first node twice, and programs differ in which one they use:

- NCSTART, NRSTART, NSSTART (words 5 to 7), in whole steps from the origin of the cell: the CCP4 programs, Coot, gemmi,
  and PyMOL for ``.ccp4``;
- ORIGIN (words 50 to 52), in Å: mrcfile, ChimeraX, VMD, and PyMOL for ``.map`` and ``.mrc``, if it is not zero.

Some programs add the two, so only one is written: ORIGIN in a ``.mrc`` file; the start words in a ``.ccp4`` or ``.map``
file, whose first node has to be a whole number of steps from (0, 0, 0). In files that have both,
ORIGIN counts for ``.mrc``, the start words for ``.ccp4`` and ``.map``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path

import numpy as np

from tg_molfield.files import format_suffix
from tg_molfield.volumes.ccp4_header import Header, blank_header, cell_parameters, cell_vectors, read_header
from tg_molfield.volumes.comments import Periodic, format_comment, parse_comment
from tg_molfield.volumes.volume_data import VolumeData, value_count_error

_SAME_PLACE = 0.01
"""In steps: start words and ORIGIN that are closer agree."""


def decode(path: Path, content: bytes) -> VolumeData:
    """The volume in a CCP4 or MRC file, with axes in the order x, y, z whatever their order in the file.

    Symmetry is not expanded, see :mod:`tg_molfield.volumes.unit_cell`. The volume is periodic along each axis on which
    the map covers the whole cell; repeated nodes are left out. Maps from microscopy, with the suffix ``.mrc`` or with
    ORIGIN set, are not periodic unless the comment of `encode` says so. The volumes of a stack are channels.

    Args:
        path: the file, for messages.
        content: its content.

    Raises:
        ValueError: the header is damaged or does not describe a volume, or values are missing.
    """
    header = read_header(path, content)
    words = header.words
    values, notes = read_nodes(path, content, header)
    axes = cell_vectors(words["cell"], words["angles"]) / words["intervals"][:, None]
    origin, doubts = first_node(path, header, axes)
    channels, periodic = parse_comment(words["labels"].tobytes().decode("latin-1").rstrip(" \0"), len(values))
    by_microscope = words["origin"].any() or format_suffix(path) == ".mrc"
    if any(periodic) or (header.is_crystal and not by_microscope):
        values, periodic = _one_period(values, words["intervals"])
    if words["skew"] == 1 and format_suffix(path) != ".mrc":
        origin, axes = _unskewed(words, origin, axes)
    return VolumeData(values, origin, axes, channels, periodic=periodic, notes=header.notes + notes + doubts)


def read_nodes(path: Path, content: bytes, header: Header) -> tuple[np.ndarray, tuple[str, ...]]:
    """The values [C, nx, ny, nz] of a map with this header, and what is odd about the file's length."""
    counts = [int(n) for n in header.words["count"]]
    count, offset = math.prod(counts), 1024 + int(header.words["extra_bytes"])
    end = offset + count * header.kind.itemsize
    if len(content) < end:
        raise value_count_error(path, counts, max(0, (len(content) - offset) // header.kind.itemsize))
    stored = np.frombuffer(content, header.kind, count, offset).reshape(header.num_volumes, -1, *counts[1::-1])
    values = stored.transpose(0, *(3 - header.xyz)).astype(np.float32)
    notes = (f"{len(content) - end} bytes follow the values and were not read",) if len(content) > end else ()
    return np.ascontiguousarray(values), notes


def first_node(path: Path, header: Header, axes: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The position [3] of the first node, and a note if the header gives two that differ."""
    start = header.words["start"][header.xyz] @ axes
    shift = header.words["origin"].astype(np.float64)
    by_origin = format_suffix(path) == ".mrc" if start.any() and shift.any() else shift.any()
    position = shift if by_origin else start
    if not (start.any() and shift.any()) or np.abs((shift - start) @ np.linalg.pinv(axes)).max() < _SAME_PLACE:
        return position, ()
    used = "ORIGIN" if by_origin else "NSTART"
    return position, (
        f"the header puts the first node at {_in_angstrom(start)} Å by NSTART and at {_in_angstrom(shift)} Å by "
        f"ORIGIN; {used} was used, as is usual for {format_suffix(path)}",
    )


def encode(path: Path, data: VolumeData) -> Iterator[bytes]:
    """A CCP4 map (mode 2, little-endian, P1) of the single channel; it is also a valid MRC2014 file.

    Along a periodic axis the map spans the cell. Along the others the cell is one step longer than the map, so that no
    program takes the map for a whole period. Axes are reordered and reversed as the format requires.

    Raises:
        ValueError: the axes cannot be arranged with a along x and b in the xy plane, or a value exceeds single
            precision.
    """
    values, origin, axes, periodic = _along_cell(path, data)
    shape = np.array(values.shape)
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(values.transpose(2, 1, 0), dtype="<f4")
    if not np.isfinite(single).all():
        raise ValueError(f"{path}: expected values within single precision (3.4e38), got larger ones; save as .npz")
    header = blank_header(format_comment(data.channels, data.periodic))
    header["count"], header["mode"], header["order"], header["space_group"] = shape, 2, (1, 2, 3), 1
    header["intervals"] = shape + ~np.array(periodic)
    header["cell"], header["angles"] = cell_parameters(axes * header["intervals"][:, None])
    if format_suffix(path) == ".mrc":
        header["origin"] = origin
    else:
        start = np.rint(origin @ np.linalg.inv(axes))
        if np.abs(start).max() >= 2**31:
            raise ValueError(f"{path}: expected an origin within 2^31 steps, got {origin.tolist()} Å; save as .npz")
        header["start"] = start
    header["statistics"] = values.min(), values.max(), values.mean()
    header["rms"] = values.std()
    yield header.tobytes()
    yield single.tobytes()


def _in_angstrom(position: np.ndarray) -> str:
    return "(" + ", ".join(f"{x:.6g}" for x in position) + ")"


def _one_period(values: np.ndarray, intervals: np.ndarray) -> tuple[np.ndarray, Periodic]:
    """The nodes [C, nx, ny, nz] without repeated ones, and the axes along which they cover the cell."""
    finite = np.abs(values[np.isfinite(values)])
    tolerance, flags = 1e-5 * finite.max(initial=0), [False, False, False]
    for axis, period in enumerate(intervals):
        n = values.shape[1 + axis]
        repeated = values.take(np.arange(n) % period, 1 + axis)
        if n >= period and np.allclose(values, repeated, rtol=0, atol=tolerance, equal_nan=True):
            values, flags[axis] = values.take(np.arange(period), 1 + axis), True
    return values, (flags[0], flags[1], flags[2])


def _unskewed(header: np.void, origin: np.ndarray, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    turn = header["skew_matrix"].astype(np.float64)
    if not np.allclose(turn @ turn.T, np.eye(3), atol=1e-3):
        return origin, axes
    return origin @ turn + header["skew_shift"], axes @ turn


def _along_cell(path: Path, data: VolumeData) -> tuple[np.ndarray, np.ndarray, np.ndarray, Periodic]:
    shape = np.array(data.values.shape[1:])
    for order in map(list, permutations(range(3))):
        for signs in map(np.array, product((1, -1), repeat=3)):
            axes = data.axes[order] * signs[:, None]
            lengths = np.linalg.norm(axes, axis=1)
            upper = np.abs(axes[[0, 0, 1], [1, 2, 2]]) <= 1e-6 * lengths[[0, 0, 1]]
            if upper.all() and (axes.diagonal() > 0).all():
                flipped = tuple(np.flatnonzero(signs < 0).tolist())
                origin = data.origin - ((shape[order] - 1) * (signs < 0)) @ axes
                x, y, z = (data.periodic[i] for i in order)
                return np.flip(data.values[0].transpose(order), flipped), origin, axes, (x, y, z)
    raise ValueError(
        f"{path}: expected one axis along x and another in the xy plane, as CCP4 and MRC maps need, got "
        f"{np.round(data.axes, 4).tolist()} Å; resample the field with .on(Grid.around(...)) or save it as .cube"
    )
