"""`VolumeData`: the arrays of a volume file, in every format."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tg_molfield.volumes.comments import APERIODIC, Periodic


class VolumeData(NamedTuple):
    """The content of a volume file, lengths in Å.

    Attributes:
        values: [C, nx, ny, nz].
        origin: position of the first node [3].
        axes: steps from node to node [3, 3], one per row.
        channels: C names.
        numbers: atomic numbers [N], int64, if the file has atoms.
        positions: positions of the atoms [N, 3].
        periodic: whether the values repeat after the last node, per axis.
        notes: what may not be as the file means, in plain sentences; each becomes a warning.
        units: of the values of each channel, empty where not known; none where the file says nothing.
    """

    values: np.ndarray
    origin: np.ndarray
    axes: np.ndarray
    channels: tuple[str, ...]
    numbers: np.ndarray | None = None
    positions: np.ndarray | None = None
    periodic: Periodic = APERIODIC
    notes: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


def value_count_error(path: Path, shape: Sequence[int], found: int, sets: int = 1) -> ValueError:
    """The error for a file with a different number of values from its header."""
    grid, expected = "×".join(map(str, shape)), math.prod(map(int, shape)) * sets
    several = f" × {sets} data sets" if sets > 1 else ""
    state = "cut short" if found < expected else "damaged"
    return ValueError(
        f"{path}: expected {grid} nodes{several} = {expected} values by the header, got {found}; "
        f"download or copy the file again, it is {state}"
    )
