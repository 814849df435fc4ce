"""`AseTrajectory`: the ``.traj`` files of ASE."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Data

from tg_molfield.files import readable, shortened
from tg_molfield.structures.ase_atoms import from_ase
from tg_molfield.structures.build import check_coincident_atoms
from tg_molfield.structures.trajectories.frame import cut_short
from tg_molfield.structures.trajectories.trajectory import Trajectory
from tg_molfield.structures.trajectories.whole_frames import WholeFrames


class AseTrajectory(Trajectory):
    """A trajectory of ASE, with the cells and results of its frames; it tells no times.

    Args:
        path: the file.
        whole: make periodic molecules whole; bonds are those of the first frame.
        dtype: floating type of the result.

    Attributes:
        info: named values of the frame that was read last, as ``Atoms.info`` has them.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no trajectory of ASE.
    """

    def __init__(self, path: Path, whole: bool, dtype: torch.dtype) -> None:
        self.path, self._dtype, self._makes_whole = path, dtype, whole
        self._whole: WholeFrames | None = None
        self.damage, self.notes = "", []
        self.info: dict[str, Any] = {}
        with readable(path):
            self._stream = path.open("rb")
        try:
            self._open()
        except BaseException:
            self._stream.close()
            raise

    def _open(self) -> None:
        from ase.io.trajectory import TrajectoryReader

        try:
            self._file = TrajectoryReader(self._stream)
            self._length = len(self._file)
        except Exception as error:
            _check_fault(error)
            raise ValueError(
                f"{self.path}: expected a complete trajectory of ASE, got another or a shorter file "
                f"({shortened(str(error), 100)}); copy it again"
            ) from error
        if self._length and not self._is_readable(self._length - 1):
            self._length = self._count_readable(self._length)
            self.damage = cut_short(self._length)
        if not self._length:
            raise ValueError(f"{self.path}: expected a frame, got none that is complete; copy the file again")

    def __len__(self) -> int:
        return self._length

    def frame(self, index: int) -> Data:
        """The frame of an index."""
        atoms = self._atoms(index)
        self.info = dict(atoms.info)
        data = from_ase(atoms, self._dtype)
        check_coincident_atoms(data.pos)
        if not self._makes_whole:
            return data
        self._whole = self._whole or WholeFrames(self._first_frame(data))
        return self._whole(data)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _first_frame(self, known: Data) -> Data:
        """The first sound frame; one is known."""
        for index in range(self._length):
            try:
                return from_ase(self._atoms(index), self._dtype)
            except ValueError:
                continue
        return known

    def _atoms(self, index: int) -> Any:
        try:
            return self._file[index]
        except Exception as error:
            _check_fault(error)
            raise ValueError(
                f"expected a frame, got a damaged one ({shortened(str(error), 100)}); copy the file again"
            ) from error

    def _is_readable(self, index: int) -> bool:
        try:
            self._atoms(index)
        except ValueError:
            return False
        return True

    def _count_readable(self, stated: int) -> int:
        """How many frames there are before the end of a file that was cut short."""
        low, high = 0, stated - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._is_readable(middle) else (low, middle)
        return low


def _check_fault(error: Exception) -> None:
    """Raise what says nothing about the content of a file.

    Of a damaged file, ASE raises OSError without a number, seeks places that cannot be, and asks for too much memory.
    """
    if isinstance(error, Warning) or (isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)):
        raise error
