"""CCP4 and MRC maps: one channel in single precision, on part of a crystal cell or in a box.

The header gives the position of the first node twice, and programs differ in which one they use:

- NCSTART, NRSTART, NSSTART (words 5 to 7), in whole steps from the origin of the cell: the CCP4 programs, Coot, gemmi,
  and PyMOL for ``.ccp4``;
- ORIGIN (words 50 to 52), in Å: ChimeraX, VMD, and PyMOL for ``.map`` and ``.mrc``, if it is not zero.

`encode` writes only the start words if the origin is a whole number of steps. Otherwise it writes the exact position
to ORIGIN and the nearest whole steps to the start words, so that the first group of programs is off by at most half a
step. `decode` uses ORIGIN if the start words are zero or agree with it to half a step, and the start words otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path

import numpy as np

from tg_molfield.files import format_suffix
from tg_molfield.volumes.ccp4_header import TYPES, blank_header, cell_parameters, cell_vectors, read_header
from tg_molfield.volumes.comments import Periodic, format_comment, parse_comment
from tg_molfield.volumes.volume_data import VolumeData, value_count_error

_WHOLE_STEPS = 1e-5


def decode(path: Path, content: bytes) -> VolumeData:
    """The volume in a CCP4 or MRC file, with axes in the order x, y, z whatever their order in the file.

    Symmetry is not expanded. The volume is periodic along each axis on which the map covers the whole cell; repeated
    nodes are left out. Maps from microscopy, with the suffix ``.mrc`` or with ORIGIN set, are not periodic unless the
    comment of `encode` says so.

    Args:
        path: the file, for messages.
        content: its content.

    Raises:
        ValueError: the header is damaged or does not describe a volume, or values are missing.
    """
    header = read_header(path, content)
    sections_first = header["order"][::-1] - 1
    kind = TYPES[int(header["mode"])].newbyteorder(header.dtype["mode"].byteorder)
    count, offset = int(np.prod(header["count"], dtype=np.int64)), 1024 + int(header["extra_bytes"])
    if len(content) < offset + count * kind.itemsize:
        raise value_count_error(path, header["count"], max(0, (len(content) - offset) // kind.itemsize))
    stored = np.frombuffer(content, kind, count, offset).reshape(header["count"][::-1])
    values = stored.transpose(np.argsort(sections_first)).astype(np.float32)
    start = np.empty(3)
    start[sections_first] = header["start"][::-1]
    axes = cell_vectors(header["cell"], header["angles"]) / header["intervals"][:, None]
    shift = header["origin"].astype(np.float64)
    by_shift = shift.any() and (not start.any() or np.abs(shift @ np.linalg.inv(axes) - start).max() < 0.51)
    origin = shift if by_shift else start @ axes
    channels, periodic = parse_comment(header["labels"].tobytes().decode("latin-1").rstrip(" \0"), 1)
    by_microscope = shift.any() or format_suffix(path) == ".mrc"
    if any(periodic) or (1 <= header["space_group"] <= 230 and not by_microscope):
        values, periodic = _one_period(values, header["intervals"])
    if header["skew"] == 1 and format_suffix(path) != ".mrc":
        origin, axes = _unskewed(header, origin, axes)
    return VolumeData(np.ascontiguousarray(values)[None], origin, axes, channels, periodic=periodic)


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
    steps = origin @ np.linalg.inv(axes)
    header["start"] = np.rint(steps)
    if np.abs(steps - np.rint(steps)).max() > _WHOLE_STEPS:
        header["origin"] = origin
    header["statistics"] = values.min(), values.max(), values.mean()
    header["rms"] = values.std()
    yield header.tobytes()
    yield single.tobytes()


def _one_period(values: np.ndarray, intervals: np.ndarray) -> tuple[np.ndarray, Periodic]:
    tolerance, flags = 1e-5 * np.abs(values).max(), [False, False, False]
    for axis, period in enumerate(intervals):
        n = values.shape[axis]
        repeated = values.take(np.arange(n) % period, axis)
        if n >= period and np.allclose(values, repeated, rtol=0, atol=tolerance):
            values, flags[axis] = values.take(np.arange(period), axis), True
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
