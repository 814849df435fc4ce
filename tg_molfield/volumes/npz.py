"""Volumes as NumPy archives: exact, every channel in one file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tg_molfield.volumes.notes import APERIODIC
from tg_molfield.volumes.volume_data import VolumeData

_REQUIRED = {"values": 4, "origin": 1, "axes": 2, "channels": 1}


def decode(path: Path, content: bytes) -> VolumeData:
    """The volume in ``content``, as `encode` wrote it.

    Args:
        path: where the content is from, for messages.
        content: a NumPy archive.

    Raises:
        ValueError: the archive is damaged or lacks an array.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = dict(archive)
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, TypeError) as error:
        raise ValueError(f"{path}: not a NumPy archive, or a damaged one ({error})") from error
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise ValueError(f"{path}: the archive holds no volume; it lacks {', '.join(missing)}")
    for name, ndim in _REQUIRED.items():
        if arrays[name].ndim != ndim:
            raise ValueError(f"{path}: {name} has shape {arrays[name].shape}; expected {ndim} dimensions")
    x, y, z = map(bool, arrays.get("periodic", APERIODIC))
    return VolumeData(
        values=arrays["values"],
        origin=arrays["origin"],
        axes=arrays["axes"],
        channels=tuple(map(str, arrays["channels"])),
        numbers=arrays.get("numbers"),
        positions=arrays.get("positions"),
        periodic=(x, y, z),
    )


def encode(path: Path, data: VolumeData) -> Iterator[bytes]:
    """A compressed archive with the fields of `VolumeData` as arrays."""
    arrays = {name: np.asarray(value) for name, value in data._asdict().items() if value is not None}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    yield content.getvalue()
