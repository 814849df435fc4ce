"""The volume formats by suffix, and reading and writing by the suffix of a path."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tg_molfield.files import atomic_writes, check_encoding, decoding, format_suffix, read_bytes
from tg_molfield.volumes import ccp4, cube, dx, npz, unit_cell, vasp, xsf
from tg_molfield.volumes.lattice_shift import move_to_lattice
from tg_molfield.volumes.validation import validate
from tg_molfield.volumes.volume_data import VolumeData
from tg_molfield.volumes.volume_warnings import VolumeWarning

__all__ = ["SUFFIXES", "VolumeData", "VolumeWarning", "read_volume", "read_volumes", "write_volume"]


class Format(NamedTuple):
    """One volume format.

    Attributes:
        decode: makes the volume from a path, for messages and the suffix, and the content of the file.
        encode: makes the content of the file from a path and a volume.
        decode_cell: makes the volume of a whole unit cell from a map of part of it.
        one_channel: whether a file holds only one channel.
        on_lattice: whether nodes are whole numbers of steps from (0, 0, 0).
        check: refuses numbers of channels, periodic axes and absent atoms that a file cannot hold, if there are any.
        doubts: what the name of a file says that values do not hold, in plain sentences.
    """

    decode: Callable[[Path, bytes], VolumeData]
    encode: Callable[[Path, VolumeData], Iterable[bytes]]
    decode_cell: Callable[[Path, bytes], VolumeData] | None = None
    one_channel: bool = False
    on_lattice: bool = False
    check: Callable[[Path, int, Sequence[bool], bool], None] | None = None
    doubts: Callable[[Path, VolumeData], tuple[str, ...]] | None = None


_CUBE = Format(cube.decode, cube.encode)
_MRC = Format(ccp4.decode, ccp4.encode, decode_cell=unit_cell.decode_cell, one_channel=True)
_MAP = _MRC._replace(on_lattice=True)
FORMATS = {
    ".cube": _CUBE,
    ".cub": _CUBE,
    ".npz": Format(npz.decode, npz.encode),
    ".dx": Format(dx.decode, dx.encode, one_channel=True),
    ".ccp4": _MAP,
    ".map": _MAP,
    ".mrc": _MRC,
    ".xsf": Format(xsf.decode, xsf.encode),
    ".vasp": Format(vasp.decode, vasp.encode, on_lattice=True, check=vasp.check, doubts=vasp.unit_doubts),
}
_SAME_PLACE = 1e-3
"""Å up to which atoms of two files are the same: text formats round them."""

SUFFIXES = tuple(FORMATS)
"""The suffixes that can be read and written, each also with ``.gz``; VASP's names, as CHGCAR, need none."""


def read_volume(path: str | Path, expand: bool = False) -> VolumeData:
    """Read the volume file ``path``.

    Args:
        path: the file.
        expand: make the whole unit cell of a map of part of it.

    Raises:
        ValueError: the format is unknown or has no symmetry to expand, or the file is damaged.
    """
    source = Path(path)
    source_format = _format_of(source)
    decode = source_format.decode_cell if expand else source_format.decode
    if decode is None:
        raise ValueError(f"{path}: expand: expected a CCP4 or MRC map, got a format without symmetry; leave it out")
    content = read_bytes(source)
    check_encoding(source, content)
    with decoding(source):
        return validate(source, decode(source, content))


def read_volumes(paths: Iterable[str | Path], expand: bool = False) -> VolumeData:
    """Read several files on the same grid as the channels of one volume.

    Channels have their names from the files or, if names repeat, the names of the files. The atoms are those of the
    files that have any; if these differ, there are none. The notes of the files become one :class:`VolumeWarning` each,
    issued to the caller's caller, and so do atoms that differ.

    Args:
        paths: the files.
        expand: make the whole unit cell of maps of part of it.

    Raises:
        ValueError: there is no file, or the grids differ by more than a thousandth of a step.
    """
    sources = [Path(path) for path in paths]
    if not sources:
        raise ValueError("paths: expected at least one file, got none; give a path")
    volumes = [read_volume(path, expand) for path in sources]
    for path, volume in zip(sources, volumes, strict=True):
        _warn(path, volume)
    first = volumes[0]
    for path, other in zip(sources[1:], volumes[1:], strict=True):
        if not _same_grid(first, other):
            raise ValueError(
                f"{path}: expected the grid of {sources[0]}, got another one; read the files one by one and use "
                ".resampled(grid)"
            )
    names = [name for volume in volumes for name in volume.channels]
    if len(set(names)) != len(names):
        names = []
        for path, volume in zip(sources, volumes, strict=True):
            stem = _split(path)[0]
            names += [stem] if len(volume.channels) == 1 else [f"{stem}.{name}" for name in volume.channels]
    values = np.concatenate([volume.values for volume in volumes])
    numbers, positions = _common_atoms(sources, volumes)
    return first._replace(values=values, channels=tuple(names), numbers=numbers, positions=positions, units=())


def write_volume(path: str | Path, data: VolumeData) -> list[Path]:
    """Write ``data`` and return the paths of the files; if one cannot be written, none is.

    If the format holds one channel per file, several channels become several files: ``a.C.dx``, ``a.N.dx``, … for
    ``a.dx``.

    Raises:
        ValueError: the suffix is unknown, there are no channels, or the format cannot hold the values or axes.
    """
    target = Path(path)
    target_format = _format_of(target)
    if not data.channels:
        raise ValueError(f"{path}: expected a volume with channels, got no channels; give at least one")
    prepared = validate(target, data)
    if target_format.on_lattice:
        prepared = move_to_lattice(target, prepared)
    if target_format.doubts is not None:
        prepared = prepared._replace(notes=prepared.notes + target_format.doubts(target, prepared))
    parts = {target: prepared}
    if target_format.one_channel and len(data.channels) > 1:
        units = prepared.units or ("",) * len(prepared.channels)
        files = zip(_channel_paths(target, prepared.channels), prepared.channels, prepared.values, units, strict=True)
        parts = {
            file: prepared._replace(values=values[None], channels=(name,), units=(unit,))
            for file, name, values, unit in files
        }
    with atomic_writes(list(parts)) as streams:
        for stream, (file, part) in zip(streams, parts.items(), strict=True):
            stream.writelines(target_format.encode(file, part))
    _warn(target, prepared)
    return list(parts)


def _common_atoms(paths: Sequence[Path], volumes: Sequence[VolumeData]) -> tuple[np.ndarray | None, np.ndarray | None]:
    found = [(path, one) for path, one in zip(paths, volumes, strict=True) if one.numbers is not None]
    for path, other in found[1:]:
        if not _same_atoms(found[0][1], other):
            warnings.warn(
                f"{path}: expected the atoms of {found[0][0]}, got others, so that none were taken; give those of the "
                "volume by with_atoms",
                VolumeWarning,
                stacklevel=4,
            )
            return None, None
    return (found[0][1].numbers, found[0][1].positions) if found else (None, None)


def _same_atoms(one: VolumeData, other: VolumeData) -> bool:
    assert one.positions is not None
    assert other.positions is not None
    same = np.array_equal(np.asarray(one.numbers), np.asarray(other.numbers))
    return same and bool(np.abs(one.positions - other.positions).max(initial=0) < _SAME_PLACE)


def _warn(path: Path, data: VolumeData) -> None:
    for note in dict.fromkeys(data.notes):
        warnings.warn(f"{path}: {note}", VolumeWarning, stacklevel=4)


def is_volume(path: str | Path) -> bool:
    """Whether the name of ``path`` is that of a volume file."""
    return _known_format(Path(path)) is not None


def needs_lattice(path: str | Path) -> bool:
    """Whether nodes in the format of ``path`` are whole numbers of steps from (0, 0, 0)."""
    return _format_of(Path(path)).on_lattice


def check_holds(path: str | Path, channels: int, periodic: Sequence[bool], has_atoms: bool) -> None:
    """Refuse a volume that the format of ``path`` cannot hold, before it is written.

    Args:
        path: the file.
        channels: the number of channels.
        periodic: whether each axis is periodic.
        has_atoms: whether there are atoms.

    Raises:
        ValueError: the format cannot hold it.
    """
    check = _format_of(Path(path)).check
    if check is not None:
        check(Path(path), channels, periodic, has_atoms)


def _format_of(path: Path) -> Format:
    known = _known_format(path)
    if known is None:
        raise ValueError(
            f"{path}: expected a volume file ({', '.join(SUFFIXES)}, also with .gz; CHGCAR, LOCPOT, …), got the "
            f"suffix {format_suffix(path)!r}; convert it or choose one of these"
        )
    return known


def _known_format(path: Path) -> Format | None:
    by_name = FORMATS[".vasp"] if vasp.is_vasp_name(path) else None
    return FORMATS.get(format_suffix(path), by_name)


def _channel_paths(path: Path, channels: tuple[str, ...]) -> list[Path]:
    stem, ending = _split(path)
    room = max(1, min(80, 240 - len(f"{stem}{ending}".encode())))
    names: dict[str, str] = {}
    for i, channel in enumerate(channels):
        name = re.sub(r"[^\w+-]+", "_", channel).encode()[:room].decode(errors="ignore") or "_"
        name = f"{name}_{i}" if name.casefold() in names else name
        while name.casefold() in names:
            name += "_"
        names[name.casefold()] = name
    return [path.with_name(f"{stem}.{name}{ending}") for name in names.values()]


def _split(path: Path) -> tuple[str, str]:
    length = len(format_suffix(path)) + (3 if path.suffix.lower() == ".gz" else 0)
    place = len(path.name) - length
    return path.name[:place], path.name[place:]


def _same_grid(one: VolumeData, other: VolumeData) -> bool:
    shape = one.values.shape[1:]
    if shape != other.values.shape[1:] or one.periodic != other.periodic:
        return False
    step = np.linalg.norm(one.axes, axis=1).min()
    apart = np.abs(other.origin - one.origin) + np.abs(other.axes - one.axes).T @ np.array(shape)
    return bool(apart.max() < 1e-3 * step)
