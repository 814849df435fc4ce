"""NumPy archives: exact, with all channels in one file."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from tg_molfield.files import unfolding_limit
from tg_molfield.volumes.comments import APERIODIC
from tg_molfield.volumes.volume_data import VolumeData

_REQUIRED = ("values", "origin", "axes", "channels")
_OPTIONAL = ("numbers", "positions", "periodic")


def decode(path: Path, content: bytes) -> VolumeData:
    """The volume in a NumPy archive that `encode` wrote.

    Args:
        path: the file, for messages.
        content: its content.

    Raises:
        ValueError: the archive is damaged, an array is missing, has another kind, or its header announces more than
            there is.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            missing = [name for name in _REQUIRED if f"{name}.npy" not in names]
            if missing:
                raise ValueError(
                    f"{path}: expected the arrays {', '.join(_REQUIRED)}, got none for {', '.join(missing)}; "
                    "write the file with Volume.save"
                )
            wanted = [name for name in (*_REQUIRED, *_OPTIONAL) if f"{name}.npy" in names]
            size, limit = (
                sum(archive.getinfo(f"{name}.npy").file_size for name in wanted),
                unfolding_limit(len(content)),
            )
            if size > limit:
                raise ValueError(
                    f"{path}: expected arrays of at most {limit // 2**20} MiB (200 times the file's size, or a quarter "
                    f"of the available memory), got {size} bytes; write them with numpy.savez if you trust the file"
                )
            arrays = {name: _array(path, name, archive.read(f"{name}.npy")) for name in wanted}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(
            f"{path}: expected a NumPy archive, got another format or a damaged file ({str(error)[:60]}); "
            "write it with Volume.save"
        ) from error
    if arrays["channels"].ndim != 1 or arrays["channels"].dtype.kind not in "US":
        raise ValueError(
            f"{path}: channels: expected names [C], got {arrays['channels'].dtype} "
            f"{list(arrays['channels'].shape)}; write the file with Volume.save"
        )
    flags = arrays.get("periodic", np.array(APERIODIC))
    if flags.shape != (3,) or flags.dtype.kind != "b":
        raise ValueError(
            f"{path}: periodic: expected three booleans, got {flags.dtype} {list(flags.shape)}; correct it"
        )
    x, y, z = flags.tolist()
    return VolumeData(
        values=arrays["values"],
        origin=arrays["origin"],
        axes=arrays["axes"],
        channels=tuple(map(str, arrays["channels"].astype(str))),
        numbers=arrays.get("numbers"),
        positions=arrays.get("positions"),
        periodic=(x, y, z),
    )


def encode(path: Path, data: VolumeData) -> Iterator[bytes]:
    """A compressed NumPy archive with the fields of `VolumeData` as arrays, without the notes."""
    fields = {name: getattr(data, name) for name in (*_REQUIRED, *_OPTIONAL)}
    arrays = {name: np.asarray(value) for name, value in fields.items() if value is not None}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    yield content.getvalue()


def _array(path: Path, name: str, content: bytes) -> np.ndarray:
    """The array in a ``.npy`` file, whose header is compared with its size before anything is allocated."""
    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        shape, _, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(stream)
    except Exception as error:
        raise ValueError(
            f"{path}: {name}: expected an array in the format of NumPy, got a damaged header "
            f"({type(error).__name__}); write the file with Volume.save"
        ) from error
    if dtype.hasobject or not dtype.itemsize:
        raise ValueError(f"{path}: {name}: expected numbers or names, got {dtype} {list(shape)}; convert them")
    rest = len(content) - stream.tell()
    if math.prod(shape) * dtype.itemsize != rest:
        raise ValueError(
            f"{path}: {name}: expected {math.prod(shape) * dtype.itemsize} bytes by the header, got {rest}; "
            "download or copy the file again, it is damaged"
        )
    stream.seek(0)
    return npy.read_array(stream, allow_pickle=False)
