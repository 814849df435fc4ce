"""`Frame`, and `FrameFile`: what all formats of trajectories have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_FLAT = 1e-6
"""Square of the volume of a cell with lengths of 1 below which its vectors lie in a plane."""


class Frame(NamedTuple):
    """One frame of a trajectory.

    Attributes:
        pos: [N, 3] positions in Å.
        cell: [3, 3] cell vectors as rows in Å, or None.
        time: in ps, or None where the file does not tell.
    """

    pos: np.ndarray
    cell: np.ndarray | None
    time: float | None


class FrameFile(ABC):
    """The frames of a file, read one by one.

    Args:
        path: the file.

    Attributes:
        path: the file.
        num_atoms: N.
        notes: what may not be read as the file means it.
        damage: what is wrong with the end of the file, or an empty text.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no file of its format.
    """

    num_atoms: int

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        self.damage = ""

    @abstractmethod
    def __len__(self) -> int:
        """The number of frames."""

    @abstractmethod
    def frame(self, index: int) -> Frame:
        """The frame of an index, from 0; frames in order are read fastest.

        Raises:
            ValueError: the frame is damaged, or has no positions.
        """

    def close(self) -> None:  # noqa: B027
        """Close the file."""


class SequentialFile(FrameFile):
    """Frames that a reader of MDAnalysis reads one after the other; it seeks only where one is passed over."""

    _file: Any = None
    _next: int = 0

    def _read(self, index: int) -> Any:
        """What the reader gives for a frame.

        Raises:
            OSError, StopIteration: the frame is damaged.
        """
        if index != self._next:
            self._file.seek(index)
        self._next = -1
        found = self._file.read()
        self._next = index + 1
        return found


def cut_short(frames: int) -> str:
    """What to say of a file that ends within a frame.

    Args:
        frames: how many are complete.
    """
    return f"expected complete frames, got the end of the file within one, after {frames}; copy the file again"


def cell_from_lengths(lengths: np.ndarray, angles: np.ndarray) -> np.ndarray | None:
    """[3, 3] cell vectors of the lengths [3] in Å and the angles [3] α, β, γ in degrees; None for lengths of 0.

    The vector of a length of 0 is 0.

    Raises:
        ValueError: they are not those of a cell.
    """
    from ase.geometry import cellpar_to_cell

    if not lengths.any():
        return None
    there = lengths != 0
    lengths, angles = np.where(there, lengths, 1.0), angles.astype(np.float64).copy()
    for missing in np.flatnonzero(~there):
        angles[np.arange(3) != missing] = 90.0
    values = np.concatenate([lengths, angles])
    cosines = np.cos(np.radians(angles))
    sound = np.isfinite(values).all() and (values > 0).all() and (angles < 180).all()
    if not (sound and 1 - (cosines**2).sum() + 2 * cosines.prod() > _FLAT):
        raise ValueError(
            f"cell: expected lengths and angles of a cell, got {values.round(3).tolist()}; correct the file"
        )
    cell: np.ndarray = cellpar_to_cell(values)
    cell[~there] = 0
    return cell
