"""Volume files as plain arrays: which suffix is which format, and which of them take one channel a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tg_molfield.files import atomic_write, format_suffix, read_bytes
from tg_molfield.volumes import ccp4, cube, dx, npz
from tg_molfield.volumes.volume_data import VolumeData

__all__ = ["SUFFIXES", "VolumeData", "read_volume", "read_volumes", "write_volume"]


class Format(NamedTuple):
    """How a format is read and written; ``path`` is for messages, and for what a suffix says about the content."""

    decode: Callable[[Path, bytes], VolumeData]
    encode: Callable[[Path, VolumeData], Iterable[bytes]]
    one_channel: bool = False


_CUBE, _MAP = Format(cube.decode, cube.encode), Format(ccp4.decode, ccp4.encode, one_channel=True)
_FORMATS = {
    ".cube": _CUBE,
    ".cub": _CUBE,
    ".npz": Format(npz.decode, npz.encode),
    ".dx": Format(dx.decode, dx.encode, one_channel=True),
    ".ccp4": _MAP,
    ".map": _MAP,
    ".mrc": _MAP,
}
SUFFIXES = tuple(_FORMATS)
"""The suffixes that can be read and written, each also with ``.gz``."""


def read_volume(path: str | Path) -> VolumeData:
    """Read the volume file ``path``.

    Raises:
        ValueError: an unknown suffix, or a file that is damaged.
    """
    source = Path(path)
    return _format(source).decode(source, read_bytes(source))


def read_volumes(paths: Iterable[str | Path]) -> VolumeData:
    """Read several files on one grid as the channels of one volume.

    Channels are named as in the files or, where names would repeat, after the files.

    Raises:
        ValueError: the grids differ by more than a thousandth of a step, or there is no file.
    """
    sources = [Path(path) for path in paths]
    if not sources:
        raise ValueError("paths: no file to read; give at least one")
    volumes = [read_volume(path) for path in sources]
    first = volumes[0]
    for path, other in zip(sources[1:], volumes[1:], strict=True):
        if not _same_nodes(first, other):
            raise ValueError(f"{path}: has other nodes than {sources[0]}; read them singly and use .resampled(grid)")
    names = [name for volume in volumes for name in volume.channels]
    if len(set(names)) != len(names):
        names = []
        for path, volume in zip(sources, volumes, strict=True):
            stem = _split(path)[0]
            names += [stem] if len(volume.channels) == 1 else [f"{stem}.{name}" for name in volume.channels]
    return first._replace(values=np.concatenate([volume.values for volume in volumes]), channels=tuple(names))


def write_volume(path: str | Path, data: VolumeData) -> list[Path]:
    """Write ``data`` and return the files written, all of them whole or none.

    Where the format holds one channel, each of several gets its own file: ``a.dx`` becomes ``a.C.dx``, ``a.N.dx``, ….

    Raises:
        ValueError: an unknown suffix, or values that the format cannot hold.
    """
    target = Path(path)
    form = _format(target)
    if not data.channels:
        raise ValueError(f"{path}: the volume has no channels, so there is nothing to write")
    parts = {target: data}
    if form.one_channel and len(data.channels) > 1:
        files = zip(_channel_paths(target, data.channels), data.channels, data.values, strict=True)
        parts = {file: data._replace(values=values[None], channels=(name,)) for file, name, values in files}
    with ExitStack() as stack:
        for file, part in parts.items():
            stack.enter_context(atomic_write(file)).writelines(form.encode(file, part))
    return list(parts)


def _format(path: Path) -> Format:
    suffix = format_suffix(path)
    if suffix not in _FORMATS:
        raise ValueError(f"{path}: no volume format has the suffix {suffix!r}; use one of {', '.join(SUFFIXES)}")
    return _FORMATS[suffix]


def _channel_paths(path: Path, channels: tuple[str, ...]) -> list[Path]:
    stem, ending = _split(path)
    names: dict[str, str] = {}
    for i, channel in enumerate(channels):
        name = re.sub(r"[^\w+-]+", "_", channel)[:80] or "_"
        name = f"{name}_{i}" if name.casefold() in names else name
        names[name.casefold()] = name
    return [path.with_name(f"{stem}.{name}{ending}") for name in names.values()]


def _split(path: Path) -> tuple[str, str]:
    length = len(format_suffix(path)) + (3 if path.suffix.lower() == ".gz" else 0)
    return path.name[:-length], path.name[-length:]


def _same_nodes(one: VolumeData, other: VolumeData) -> bool:
    shape = one.values.shape[1:]
    if shape != other.values.shape[1:] or one.periodic != other.periodic:
        return False
    step = np.linalg.norm(one.axes, axis=1).min()
    apart = np.abs(other.origin - one.origin) + np.abs(other.axes - one.axes).T @ np.array(shape)
    return bool(apart.max() < 1e-3 * step)
