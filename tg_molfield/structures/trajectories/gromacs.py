"""XTC and TRR files of GROMACS, with nm as length and ps as time, by MDAnalysis.

The decoder of MDAnalysis ends the process where the header of a frame is damaged, so the headers are read here first.
They also tell whether the last frame is complete.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from array import array
from io import RawIOBase
from pathlib import Path
from typing import Any

import numpy as np

from tg_molfield.files import readable
from tg_molfield.optional import require
from tg_molfield.structures.trajectories.frame import Frame, SequentialFile, cut_short

_NM = 10.0
"""Å."""

_DAMAGED = "expected a frame, got a damaged one; copy the file again"


class _XdrFile(SequentialFile):
    _class: str
    _header_size: int

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with readable(path) as stream:
            self._size = stream.seek(0, 2)
        self._stream: RawIOBase = path.open("rb", buffering=0)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self.num_atoms = self._atoms(self._header(0))
        self._offsets = self._find_frames()
        if not len(self._offsets):
            raise ValueError(
                f"{self.path}: expected {self.path.suffix[1:].upper()} with a complete frame, got another or a shorter "
                "file; copy it again"
            )
        self._file = getattr(require("MDAnalysis.lib.formats.libmdaxdr", "trajectories"), self._class)(str(self.path))
        self._file.set_offsets(self._offsets)

    def __len__(self) -> int:
        return len(self._offsets)

    def frame(self, index: int) -> Frame:
        """The frame of an index."""
        if not self._is_sound(self._header(int(self._offsets[index]))):
            raise ValueError(_DAMAGED)
        try:
            found = self._read(index)
        except (OSError, StopIteration) as error:
            raise ValueError(_DAMAGED) from error
        return self._converted(found)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        if self._file is not None:
            self._file.close()

    def _header(self, offset: int) -> bytes:
        """The header of a frame that begins at an offset; shorter at the end of the file."""
        self._stream.seek(offset)
        return self._stream.read(self._header_size) or b""

    def _find_frames(self) -> np.ndarray:
        """Where the complete frames begin."""
        offsets, at = array("q"), 0
        while at < self._size:
            header = self._header(at)
            length = self._length(header) if len(header) >= self._least else self._size + 1
            if at + length > self._size:
                self.damage = cut_short(len(offsets))
                break
            if not length:
                self.damage = (
                    f"expected a frame after {len(offsets)}, got other bytes, the rest is lost; copy the file again"
                )
                break
            offsets.append(at)
            at += length
        return np.array(offsets, dtype=np.int64)

    @property
    def _least(self) -> int:
        """The bytes of a header that are needed."""
        return self._header_size

    @abstractmethod
    def _atoms(self, header: bytes) -> int:
        """The number of atoms by the header of the first frame; 0 if it is none."""

    @abstractmethod
    def _length(self, header: bytes) -> int:
        """The length of a frame in bytes; 0 for the header of none, or of one with another number of atoms."""

    @abstractmethod
    def _is_sound(self, header: bytes) -> bool:
        """Whether the decoder can read the frame."""

    def _converted(self, found: Any) -> Frame:
        box = np.array(found.box, dtype=np.float64) * _NM
        return Frame(np.array(found.x, dtype=np.float64) * _NM, box if box.any() else None, float(found.time))


class XtcFile(_XdrFile):
    """Positions, rounded by the compression to 0.01 Å as a rule.

    A header has, in bytes from its start: how frames begin (0), the numbers of atoms (4 and 52), the least and largest
    integers (60 and 72), where the decoder begins in its table (84), and the bytes that follow (88).
    """

    _class = "XTCFile"
    _header_size = 96
    _magic, _large = 1995, 2023
    """Frames of more than 300 million atoms begin with the second and count their bytes in 64 bits."""

    _plain, _fewest = 56, 10
    """Where positions begin in frames of fewer atoms, which are not compressed."""

    _smallest, _largest = 9, 72
    """The places in the table."""

    @property
    def _least(self) -> int:
        return self._plain if self.num_atoms < self._fewest else self._header_size

    def _atoms(self, header: bytes) -> int:
        if len(header) < self._plain:
            return 0
        magic, count = struct.unpack(">2i", header[:8])
        return max(count, 0) if magic in (self._magic, self._large) else 0

    def _length(self, header: bytes) -> int:
        if self._atoms(header) != self.num_atoms or not self.num_atoms:
            return 0
        if self.num_atoms < self._fewest:
            return self._plain + 12 * self.num_atoms
        large = header[:4] != struct.pack(">i", self._magic)
        follow = struct.unpack(">q" if large else ">i", header[88 : 96 if large else 92])[0]
        return (96 if large else 92) + (follow + 3) // 4 * 4 if follow > 0 else 0

    def _is_sound(self, header: bytes) -> bool:
        if self.num_atoms < self._fewest:
            return struct.unpack(">i", header[52:56])[0] == self.num_atoms
        count, _, *limits, place = struct.unpack(">if7i", header[52:88])
        return (
            count == self.num_atoms
            and all(low <= high for low, high in zip(limits[:3], limits[3:], strict=True))
            and self._smallest <= place <= self._largest
        )


class TrrFile(_XdrFile):
    """Positions in full precision; frames of velocities or forces alone have none.

    A header has how frames begin and a text in 24 bytes, the sizes of ten parts, the number of atoms, two integers and
    two real numbers of the precision of the parts.
    """

    _class = "TRRFile"
    _header_size = 76
    _start = struct.pack(">3i", 1993, 13, 12) + b"GMX_trn_file"
    _matrices, _vectors = (2, 3, 4), (7, 8, 9)
    """Which parts are the cell and other matrices, and which are positions, velocities and forces."""

    def _atoms(self, header: bytes) -> int:
        if len(header) < self._header_size or not header.startswith(self._start):
            return 0
        return max(struct.unpack(">i", header[64:68])[0], 0)

    def _length(self, header: bytes) -> int:
        if self._atoms(header) != self.num_atoms or not self.num_atoms:
            return 0
        sizes = struct.unpack(">10i", header[24:64])
        expected = dict.fromkeys(self._matrices, 9) | dict.fromkeys(self._vectors, 3 * self.num_atoms)
        widths = {size / expected[part] if part in expected else -1 for part, size in enumerate(sizes) if size}
        if len(widths) != 1 or not widths <= {4, 8}:
            return 0
        return self._header_size + 2 * int(widths.pop()) + sum(sizes)

    def _is_sound(self, header: bytes) -> bool:
        return self._length(header) > 0

    def _converted(self, found: Any) -> Frame:
        if not found.hasx:
            raise ValueError("expected positions, got a frame of velocities or forces alone; leave it out by stride")
        return super()._converted(found)
