"""DCD files of CHARMM, NAMD, OpenMM and others, with Å as length, by MDAnalysis."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from tg_molfield.files import readable
from tg_molfield.optional import require
from tg_molfield.structures.trajectories.frame import Frame, SequentialFile, cell_from_lengths, cut_short

_AKMA = 0.04888821
"""The unit of time in ps."""

_CONTROL_SIZE, _TITLE_AT = 84, 92
"""The length of the first record in bytes, and where the second one begins."""

_SHORTEST_STEP, _LONGEST_STEP = 1e-5, 1.0
"""Steps below 0.5 as and from 49 fs on are placeholders, or numbers in another order of bytes."""


class DcdFile(SequentialFile):
    """Positions in single precision.

    The time of a frame is that of the header, if it has a step in the unit of CHARMM; some programs put 0 or 1 there.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        library = require("MDAnalysis.lib.formats.libdcd", "trajectories")
        try:
            self._file = library.DCDFile(str(path))
        except Exception as error:
            raise ValueError(f"{path}: expected a DCD file, got another ({error}); copy it again") from error
        header = self._file.header
        self.num_atoms, self._length = header["natoms"], len(self._file)
        self._start, self._every, self._step = header["istart"], header["nsavc"], _step(path, header["delta"])
        by_lammps = "LAMMPS" in header["remarks"].upper()
        self._has_time = _SHORTEST_STEP < self._step < _LONGEST_STEP and self._every > 0 and not by_lammps
        if not self._has_time:
            got = "one of LAMMPS, whose unit is not told" if by_lammps else f"{self._step:g}"
            self.notes.append(
                f"time: expected a step in the header, below 49 fs in CHARMM's unit, got {got}; times are left out"
            )
        if not self._length:
            raise ValueError(f"{path}: expected a frame, got none; copy the file again")
        stated, rest = _layout(path, self.num_atoms)
        if rest:
            self.damage = cut_short(self._length)
        elif stated > self._length:
            self.notes.append(
                f"frames: expected {stated}, as the header states, got {self._length}; check that the simulation or "
                "the copy was finished"
            )

    def __len__(self) -> int:
        return self._length

    def frame(self, index: int) -> Frame:
        """The frame of an index."""
        try:
            found = self._read(index)
        except (OSError, StopIteration) as error:
            raise ValueError(f"expected a frame, got a damaged one ({error}); copy the file again") from error
        time = (index + self._start / self._every) * self._every * self._step * _AKMA if self._has_time else None
        return Frame(np.array(found.xyz, dtype=np.float64), _cell(found.unitcell), time)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _step(path: Path, found: float) -> float:
    """The step of the header, of which libdcd does not turn the bytes where the file has those of another machine."""
    with readable(path) as stream:
        head = stream.read(4)
    if struct.unpack("=i", head)[0] == _CONTROL_SIZE:
        return found
    return float(np.float32(found).byteswap())


def _layout(path: Path, num_atoms: int) -> tuple[int, int]:
    """The number of frames that the header states, and how many bytes there are after the last complete one.

    Both are 0 where they are not known.
    """
    with readable(path) as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        start = stream.read(_TITLE_AT + 4)
        order = next((order for order in "<>" if struct.unpack(f"{order}i", start[:4])[0] == _CONTROL_SIZE), "")
        if not order:
            return 0, 0
        title = struct.unpack(f"{order}i", start[_TITLE_AT:])[0]
        header = _TITLE_AT + title + 20
        stream.seek(header - 8)
        if stream.read(4) != struct.pack(f"{order}i", num_atoms):
            return 0, 0
    control = struct.unpack(f"{order}20i", start[8 : _TITLE_AT - 4])
    stated, fixed, is_charmm = control[0], control[8], control[19] != 0
    has_cell, dimensions = is_charmm and control[10] != 0, 4 if is_charmm and control[11] == 1 else 3
    frame = (4 * num_atoms + 8) * dimensions + (56 if has_cell else 0)
    return max(stated, 0), 0 if fixed else (size - header) % frame


def _cell(found: np.ndarray) -> np.ndarray | None:
    """[3, 3] the cell of a frame: lengths and angles, with angles or their cosines, or the matrix of new CHARMM."""
    a, gamma, b, beta, alpha, c = found
    lengths, angles = np.array([a, b, c]), np.array([alpha, beta, gamma])
    if (np.abs(angles) <= 1).all():
        return cell_from_lengths(lengths, np.degrees(np.arccos(angles)))
    if (found < 0).any() or (angles > 180).any():
        xx, xy, yy, xz, yz, zz = found
        return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    return cell_from_lengths(lengths, angles)
