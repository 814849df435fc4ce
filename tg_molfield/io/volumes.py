"""Volume files as plain arrays: which suffix is which format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tg_molfield.io.files import format_suffix


class VolumeData(NamedTuple):
    """What a volume file holds, lengths in Å.

    Attributes:
        values: [C, nx, ny, nz].
        origin: the first node [3].
        axes: the steps from node to node [3, 3], one a row.
        channels: the C names.
        numbers: atomic numbers [N], int64, where the file has atoms.
        positions: their positions [N, 3].
    """

    values: np.ndarray
    origin: np.ndarray
    axes: np.ndarray
    channels: tuple[str, ...]
    numbers: np.ndarray | None = None
    positions: np.ndarray | None = None


Reader = Callable[[Path], VolumeData]
Writer = Callable[[Path, VolumeData], None]


def _formats() -> dict[str, tuple[Reader, Writer]]:
    from tg_molfield.io import cube, npz

    return {
        ".cube": (cube.read, cube.write),
        ".cub": (cube.read, cube.write),
        ".npz": (npz.read, npz.write),
    }


def read_volume(path: str | Path) -> VolumeData:
    """Read the volume file ``path``.

    Raises:
        ValueError: an unknown suffix, or a file that is damaged.
    """
    return _format(path)[0](Path(path))


def write_volume(path: str | Path, data: VolumeData) -> None:
    """Write ``data`` to ``path``, whole or not at all.

    Raises:
        ValueError: an unknown suffix, or values that the format cannot hold.
    """
    _format(path)[1](Path(path), data)


def _format(path: str | Path) -> tuple[Reader, Writer]:
    formats, suffix = _formats(), format_suffix(path)
    if suffix not in formats:
        raise ValueError(f"{path}: no volume format has the suffix {suffix!r}; use one of {', '.join(formats)}")
    return formats[suffix]
