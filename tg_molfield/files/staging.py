"""Files that are written beside their targets and moved in place once they are complete.

New content is staged in a hidden folder, ``.tg_molfield-USER``, in the folder of the target; the hidden folder exists
only while something is in it. One file is moved in place by one rename. Several are moved after a journal, which lists
them, is complete: from then on they count as written. If the writer is killed between the renames, the next read or
write in the folder finishes them.

A writer locks what it stages, and the system drops the lock when the process ends. What is there without a lock was
left by a killed writer, and the next writer removes it; where there are no locks, it stays.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tg_molfield.files.locks import lock

_HIDDEN = f".tg_molfield-{os.geteuid() if hasattr(os, 'geteuid') else 'user'}"
_STAGED, _JOURNAL = ".staged", ".journal"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_FOLDERS_ARE_NOT_SYNCED = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM}


class _File(NamedTuple):
    stream: BinaryIO
    place: Path
    target: Path


class Stage:
    """The files of one write, moved in place by `commit`, removed by `close` otherwise."""

    def __init__(self) -> None:
        self._token = secrets.token_hex(8)
        self._files: list[_File] = []

    def create(self, target: Path, mode: int | None) -> BinaryIO:
        """A stream for the new content of ``target``, which is no link, in a folder that exists.

        The file has the permissions ``mode`` or, if None, those that the process gives to new files.
        """
        hidden = target.parent / _HIDDEN
        if hidden.is_dir():
            _clear(hidden)
        file = self._create(hidden, len(self._files), target)
        self._files.append(file)
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(file.stream.fileno(), mode)
        return file.stream

    def commit(self, folder: Path) -> None:
        """Move the files in place: all of them, even if the process is killed meanwhile.

        Args:
            folder: where readers of these files look for a journal.
        """
        for file in self._files:
            _complete(file)
        if len(self._files) == 1:
            os.replace(self._files[0].place, self._files[0].target)
            _synchronize_folder(self._files[0].target.parent)
        else:
            hidden = folder / _HIDDEN
            moves = [(file.place, file.target) for file in self._files]
            journal = self._create(hidden, len(self._files), hidden / f"{self._token}{_JOURNAL}")
            self._files.append(journal)
            journal.stream.write(json.dumps([[os.path.relpath(p, folder) for p in move] for move in moves]).encode())
            _complete(journal)
            os.replace(journal.place, journal.target)
            with suppress(FileNotFoundError):  # a reader has already finished the journal and removed the folder
                _synchronize_folder(hidden)
            _finish(journal.target)

    def close(self) -> None:
        """Remove what is still staged, unless a journal lists it."""
        listed = any(file.target.suffix == _JOURNAL and file.target.exists() for file in self._files)
        for file in self._files:
            with suppress(OSError):  # the rest of what is given up does not fit on the disk either
                file.stream.close()
            if not listed:
                file.place.unlink(missing_ok=True)
        for hidden in {file.place.parent for file in self._files}:
            _remove_if_empty(hidden)

    def _create(self, hidden: Path, index: int, target: Path) -> _File:
        place = hidden / f"{self._token}-{index}{_STAGED}"
        while True:
            try:
                hidden.mkdir(0o700)
            except FileExistsError:
                with suppress(FileNotFoundError):  # another writer has just removed the empty folder
                    if not stat.S_ISDIR(hidden.stat().st_mode):
                        raise
            try:
                stream = os.fdopen(os.open(place, _FLAGS, 0o666), "wb")
            except FileNotFoundError:  # another writer has just removed the empty folder
                continue
            lock(stream, wait=True)
            if os.fstat(stream.fileno()).st_nlink:
                return _File(stream, place, target)
            stream.close()  # another writer has removed the file before it was locked


def is_staged(*names: object) -> bool:
    """Whether one of the file names of an error is that of a staged file, which users do not know of."""
    return any(_HIDDEN in Path(name).parts for name in names if isinstance(name, str | Path))


def finish_commits(path: Path) -> None:
    """Move in place what a killed writer of several files left complete in the folder of ``path``.

    Raises:
        OSError: ``path`` is one of these files and cannot be moved in place.
    """
    hidden = path.parent / _HIDDEN
    if hidden.is_dir():
        for journal in _named(hidden, _JOURNAL):
            _finish(journal, path)
        _remove_if_empty(hidden)


def _finish(journal: Path, needed: Path | None = None) -> None:
    try:
        listing = json.loads(journal.read_bytes())
    except FileNotFoundError:
        return
    folder = journal.parent.parent
    moves = [(folder / place, folder / target) for place, target in listing]
    try:
        for place, target in moves:
            with suppress(FileNotFoundError):  # another process has moved it, finishing the same journal
                os.replace(place, target)
        for parent in {target.parent for _, target in moves}:
            _synchronize_folder(parent)
        journal.unlink(missing_ok=True)
    except OSError as error:
        if needed is None or any(target.resolve() == needed.resolve() for _, target in moves):
            raise OSError(
                f"{moves[0][1].resolve()}: expected to move a complete save of {len(moves)} files in place, got "
                f"{error.strerror}; make all of them writable, or remove {journal} to give the save up"
            ) from error


def _clear(hidden: Path) -> None:
    """Finish or remove what killed writers left."""
    for journal in _named(hidden, _JOURNAL):
        _finish(journal)
    for place in _named(hidden, _STAGED):
        try:
            stream = place.open("rb")
        except FileNotFoundError:
            continue
        with stream, suppress(BlockingIOError):
            if lock(stream) and not place.with_name(place.name.split("-")[0] + _JOURNAL).exists():
                place.unlink(missing_ok=True)


def _named(hidden: Path, suffix: str) -> list[Path]:
    """The files with this suffix; none if another writer has removed the folder."""
    try:
        return [hidden / name for name in os.listdir(hidden) if name.endswith(suffix)]
    except FileNotFoundError:
        return []


def _complete(file: _File) -> None:
    """Bring the content to the disk; on Windows, an open file could not be moved."""
    file.stream.flush()
    os.fsync(file.stream.fileno())
    if os.name == "nt":
        file.stream.close()


def _synchronize_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _FOLDERS_ARE_NOT_SYNCED:
            raise


def _remove_if_empty(hidden: Path) -> None:
    with suppress(OSError):  # another writer uses it
        hidden.rmdir()
