"""Writing files completely or not at all."""

from __future__ import annotations

import errno
import gzip
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from tg_molfield.arguments import as_path
from tg_molfield.files.staging import Stage, is_staged


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """A binary stream whose content replaces ``path`` when the block ends; if the block fails, nothing changes.

    The stream compresses if the name ends in ``.gz``. Missing parent folders are created. An existing file keeps its
    permissions, and a link stays one: the file that it points to is replaced. The content is on the disk when the block
    has ended. What earlier writers left unfinished because they were killed is removed.

    Raises:
        OSError: the file or its folder cannot be written; the message names the file and the cause.
        ValueError: ``path`` is a pipe, a socket or a device.
    """
    with atomic_writes([path]) as (stream,):
        yield stream


@contextmanager
def atomic_writes(paths: Sequence[str | Path]) -> Iterator[list[BinaryIO]]:
    """A stream for each of several files in one folder, as in :func:`atomic_write`; all files are replaced or none.

    A process that is killed leaves the old files or the new ones: see :mod:`tg_molfield.files.staging`.

    Raises:
        OSError: a file or the folder cannot be written.
        ValueError: a path is a pipe, a socket or a device, or two paths are the same file.
    """
    given = [as_path(path) for path in paths]
    targets = []
    for path in given:
        with _explained(path):
            targets.append(_target(path))
    with closing(Stage()) as stage, _explained(given[0]):
        if len({target for target, _ in targets}) < len(targets):
            raise ValueError(
                f"{given[0].parent}: expected different files, got links to the same one; remove the links"
            )
        with ExitStack() as stack:
            streams = []
            for path, (target, mode) in zip(given, targets, strict=True):
                stream = stage.create(target, mode)
                if path.suffix.lower() == ".gz":
                    packed = gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=0)
                    stream = stack.enter_context(packed)  # type: ignore[assignment]
                streams.append(stream)
            yield streams
        stage.commit(given[0].parent)


def _target(path: Path) -> tuple[Path, int | None]:
    """The file that ``path`` stands for, and the permissions of an existing one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: expected a folder in which folders can be made, got {error.filename}; choose another folder"
        ) from error
    target = Path(os.path.realpath(path))
    try:
        status = target.stat()
    except FileNotFoundError:
        return target, None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(f"{path}: expected the name of a file, got a folder; name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path}: expected a regular file or a new one, got a pipe, socket or device; name a file")
    if not status.st_mode & 0o222 or not os.access(target, os.W_OK) or _is_protected(target.parent.stat(), status):
        raise PermissionError(
            f"{path}: expected a file that may be replaced, got a read-only one; change its mode or choose another name"
        )
    return target, stat.S_IMODE(status.st_mode)


def _is_protected(folder: os.stat_result, file: os.stat_result) -> bool:
    """Whether a folder such as ``/tmp`` lets nobody but their owners replace its files."""
    return bool(folder.st_mode & stat.S_ISVTX) and os.geteuid() not in (0, folder.st_uid, file.st_uid)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in the package's words why a file cannot be written."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0)
        if reason is None and is_staged(error.filename, error.filename2):
            reason = f"to write it, got {error.strerror}; try again, or choose another folder"
        if reason is None:
            raise
        explained = type(error)(f"{path}: expected {reason}")
        explained.errno = error.errno
        raise explained from error


_NO_ROOM = "room for the file, got a full disk or quota; free some space or choose another folder"
_NO_RIGHT = "a folder that may be written to, got no permission; change its mode or choose another folder"
_NO_FOLDER = "a folder to write to, got a file in its place; choose another folder"
_REASONS = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: "a file system that holds files of this size, got one that does not; choose another folder",
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.ENAMETOOLONG: "a name that the file system takes, got one that is too long; shorten it",
    errno.ELOOP: "a file, got a loop of links; remove it",
}
