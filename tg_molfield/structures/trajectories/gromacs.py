"""XTC and TRR files of GROMACS, with nm as length and ps as time, by MDAnalysis."""

from __future__ import annotations

import struct
from abc import abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from tg_molfield.files import readable
from tg_molfield.optional import require
from tg_molfield.structures.trajectories.frame import Frame, FrameFile, cut_short

_NM = 10.0
"""Å."""

_SMALLEST, _LARGEST = 9, 72
"""The range of the index that begins a compressed frame; the decoder does not check it."""

_INDEX_AT, _FEWEST, _PLAIN_AT = 84, 10, 56
"""Where in a frame it is, the atoms from which on frames are compressed, and where positions begin in others."""

_MAGIC = 1995
"""How frames begin; those of more than 300 million atoms begin otherwise and count their bytes in 64 bits."""


_SIZES_AT = 24
"""Where in a frame of TRR the sizes of its parts are, 13 integers before two real numbers."""


class _XdrFile(FrameFile):
    _class: str

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with readable(path) as stream:
            self._size = stream.seek(0, 2)
        try:
            self._file: Any = getattr(require("MDAnalysis.lib.formats.libmdaxdr", "trajectories"), self._class)(
                str(path)
            )
            self.num_atoms = self._file.n_atoms
            self._offsets: np.ndarray = self._file.offsets
            if not len(self._offsets):
                raise OSError("no frames")
        except OSError as error:
            raise ValueError(
                f"{path}: expected a {path.suffix[1:].upper()} file with a frame, got another ({error}); copy it again"
            ) from error
        self._next = 0
        end = self._end()
        if end > self._size:
            self._offsets = self._offsets[:-1]
        if end != self._size:
            self.damage = cut_short(len(self))
        if not len(self):
            raise ValueError(f"{path}: {self.damage}")

    def __len__(self) -> int:
        return len(self._offsets)

    def frame(self, index: int) -> Frame:
        """The frame of an index."""
        if fault := self._fault(index):
            raise ValueError(fault)
        try:
            if index != self._next:
                self._file.seek(index)
            self._next = -1
            found = self._file.read()
        except (OSError, StopIteration) as error:
            raise ValueError(f"expected a frame, got a damaged one ({error}); copy the file again") from error
        self._next = index + 1
        return self._converted(found)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @abstractmethod
    def _end(self) -> int:
        """Where the last frame ends by its header, in bytes from the start of the file."""

    def _fault(self, index: int) -> str:
        """What is wrong with a frame, before the decoder reads it."""
        return ""

    def _bytes(self, index: int, start: int, size: int) -> bytes:
        """Bytes of a frame; fewer at the end of the file."""
        with readable(self.path) as stream:
            stream.seek(int(self._offsets[index]) + start)
            return stream.read(size)

    def _converted(self, found: Any) -> Frame:
        box = np.array(found.box, dtype=np.float64) * _NM
        return Frame(np.array(found.x, dtype=np.float64) * _NM, box if box.any() else None, float(found.time))


class XtcFile(_XdrFile):
    """Positions, rounded by the compression to 0.01 Å as a rule."""

    _class = "XTCFile"

    def _fault(self, index: int) -> str:
        if self.num_atoms < _FEWEST:
            return ""
        value = struct.unpack(">i", self._bytes(index, _INDEX_AT, 4))[0]
        if not _SMALLEST <= value <= _LARGEST:
            return f"expected a compressed frame, got a damaged one (index {value}); copy the file again"
        return ""

    def _end(self) -> int:
        last = int(self._offsets[-1])
        if self.num_atoms < _FEWEST:
            return last + _PLAIN_AT + 12 * self.num_atoms
        magic = struct.unpack(">i", self._bytes(-1, 0, 4))[0]
        form, width = (">i", 4) if magic == _MAGIC else (">q", 8)
        length = self._bytes(-1, _INDEX_AT + 4, width)
        if len(length) < width:
            return self._size + 1
        return last + _INDEX_AT + 4 + width + (struct.unpack(form, length)[0] + 3) // 4 * 4


class TrrFile(_XdrFile):
    """Positions in full precision; frames of velocities or forces alone have none."""

    _class = "TRRFile"

    def _end(self) -> int:
        found = self._bytes(-1, _SIZES_AT, 40)
        if len(found) < 40:
            return self._size + 1
        sizes = struct.unpack(">10i", found)
        box, pos, vel, force = (sizes[place] for place in (2, 7, 8, 9))
        numbers = box // 9 or (pos or vel or force) // (3 * self.num_atoms)
        return int(self._offsets[-1]) + _SIZES_AT + 52 + 2 * numbers + sum(sizes)

    def _converted(self, found: Any) -> Frame:
        if not found.hasx:
            raise ValueError("expected positions, got a frame of velocities or forces alone; leave it out by stride")
        return super()._converted(found)
