"""NumPy archives: exact, with all channels in one file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tg_molfield.volumes.comments import APERIODIC
from tg_molfield.volumes.volume_data import VolumeData

_REQUIRED = {"values": 4, "origin": 1, "axes": 2, "channels": 1}


def decode(path: Path, content: bytes) -> VolumeData:
    """The volume in a NumPy archive that `encode` wrote.

    Args:
        path: the file, for messages.
        content: its content.

    Raises:
        ValueError: the archive is damaged, or an array is missing or has the wrong number of dimensions.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = dict(archive)
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, TypeError) as error:
        raise ValueError(
            f"{path}: expected a NumPy archive, got another format or a damaged file ({error}); "
            "write it with Volume.save"
        ) from error
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise ValueError(
            f"{path}: expected the arrays {', '.join(_REQUIRED)}, got none for {', '.join(missing)}; "
            "write the file with Volume.save"
        )
    for name, ndim in _REQUIRED.items():
        if arrays[name].ndim != ndim:
            raise ValueError(
                f"{path}: {name}: expected {ndim} dimensions, got shape {list(arrays[name].shape)}; "
                "write the file with Volume.save"
            )
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
    """A compressed NumPy archive with the fields of `VolumeData` as arrays."""
    arrays = {name: np.asarray(value) for name, value in data._asdict().items() if value is not None}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    yield content.getvalue()
