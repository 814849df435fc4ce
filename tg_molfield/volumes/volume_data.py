"""`VolumeData`: what every volume file is read into and written from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tg_molfield.volumes.notes import APERIODIC, Periodic


class VolumeData(NamedTuple):
    """What a volume file holds, lengths in Å.

    Attributes:
        values: [C, nx, ny, nz].
        origin: the first node [3].
        axes: the steps from node to node [3, 3], one a row.
        channels: the C names.
        numbers: atomic numbers [N], int64, where the file has atoms.
        positions: their positions [N, 3].
        periodic: along which axes the values repeat after the last node.
    """

    values: np.ndarray
    origin: np.ndarray
    axes: np.ndarray
    channels: tuple[str, ...]
    numbers: np.ndarray | None = None
    positions: np.ndarray | None = None
    periodic: Periodic = APERIODIC


def complaint_about_count(path: Path, shape: np.ndarray, found: int, sets: int = 1) -> ValueError:
    """The error for a file whose number of values is not the one its header promises."""
    grid, expected = "×".join(map(str, shape)), int(np.prod(shape)) * sets
    several = f" × {sets} data sets" if sets > 1 else ""
    state = "cut short" if found < expected else "damaged"
    return ValueError(
        f"{path}: the header promises {grid} nodes{several} = {expected} values, the file holds {found}; "
        f"it is {state}, fetch it again"
    )
