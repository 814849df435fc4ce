"""Volumes as NumPy archives: exact, every channel in one file."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from tg_molfield.io.files import atomic_write, read_bytes
from tg_molfield.io.volumes import VolumeData

_REQUIRED = ("values", "origin", "axes", "channels")


def read(path: Path) -> VolumeData:
    """Read a volume written by `write`.

    Raises:
        ValueError: the archive is damaged or lacks an array.
    """
    try:
        with np.load(io.BytesIO(read_bytes(path)), allow_pickle=False) as archive:
            arrays = dict(archive)
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path}: not a NumPy archive, or a damaged one ({error})") from error
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise ValueError(f"{path}: the archive holds no volume; it lacks {', '.join(missing)}")
    return VolumeData(
        values=arrays["values"],
        origin=arrays["origin"],
        axes=arrays["axes"],
        channels=tuple(map(str, arrays["channels"])),
        numbers=arrays.get("numbers"),
        positions=arrays.get("positions"),
    )


def write(path: Path, data: VolumeData) -> None:
    """Write a compressed archive with the fields of `VolumeData` as arrays."""
    arrays = {name: np.asarray(value) for name, value in data._asdict().items() if value is not None}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    with atomic_write(path) as stream:
        stream.write(content.getbuffer())
