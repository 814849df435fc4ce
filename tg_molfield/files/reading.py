"""The content of a file, decompressed if its name ends in ``.gz``."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tg_molfield.files.gunzip import gunzip
from tg_molfield.files.staging import finish_commits
from tg_molfield.memory import check_fits


def read_bytes(path: str | Path) -> bytes:
    """The content of ``path``, decompressed if the name ends in ``.gz``.

    What a gzip file may unfold to is limited, see :mod:`tg_molfield.files.gunzip`.

    Raises:
        FileNotFoundError: there is no such file.
        IsADirectoryError: ``path`` is a folder.
        PermissionError: the file may not be read.
        MemoryError: the file is larger than the available memory.
        ValueError: the file is empty or is no regular file, or its name ends in ``.gz`` and it is damaged, unfolds to
            more than the limit, or is not a gzip file.
    """
    content, damage = _load(Path(path))
    if damage:
        raise ValueError(
            f"{path}: expected a complete gzip file, got one that is damaged or cut short ({damage}); "
            "download or copy it again"
        )
    return content


def read_before_damage(path: str | Path) -> tuple[bytes, str]:
    """The content of ``path`` as in :func:`read_bytes`, but of a damaged gzip file what precedes the damage.

    Returns:
        The content, and what is wrong with the gzip file, empty for a sound one.
    """
    return _load(Path(path))


def format_suffix(path: str | Path) -> str:
    """The suffix that names the format, in lower case and without ``.gz``: ``".sdf"`` for ``a.SDF.gz``."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _load(path: Path) -> tuple[bytes, str]:
    with readable(path) as stream:
        check_fits(
            str(path), "a file", os.fstat(stream.fileno()).st_size, "split it, or use a machine with more memory"
        )
        content = stream.read()
    damage = ""
    if path.suffix.lower() == ".gz" and content:
        content, damage = gunzip(path, content)
    if (not content or content.isspace()) and not damage:
        raise empty_file(path)
    return content, damage


@contextmanager
def readable(path: Path) -> Iterator[BinaryIO]:
    """A regular file, open for reading.

    Raises:
        OSError: there is no such file, it may not be read, or it is a folder.
        ValueError: it is no regular file.
    """
    try:
        finish_commits(path)
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(f"{path}: expected a file, got a folder; give the path of a file in it")
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{path}: expected a regular file, got a pipe, socket or device; copy it to a file first")
        stream = path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"{path}: expected an existing file, got none; check the path") from error
    except PermissionError as error:
        raise PermissionError(
            f"{path}: expected a file that may be read, got one without the permission; change its mode or its folder's"
        ) from error
    with stream:
        yield stream


def empty_file(path: Path) -> ValueError:
    """The error for a file without content."""
    return ValueError(f"{path}: expected content, got an empty file; download or copy it again")
