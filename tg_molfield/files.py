"""Whole files in, whole files out: gzip by suffix, and writes that replace a file only when complete."""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def read_bytes(path: str | Path) -> bytes:
    """The content of ``path``, decompressed where the name ends in ``.gz``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty, or is named ``.gz`` and is damaged or no gzip file.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder; give a file")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    content = path.read_bytes()
    if path.suffix.lower() == ".gz":
        try:
            content = gzip.decompress(content)
        except gzip.BadGzipFile as error:
            raise ValueError(f"{path}: is named .gz but is not a gzip file; rename it or compress it") from error
        except (EOFError, zlib.error) as error:
            raise ValueError(f"{path}: the gzip file is damaged or cut short ({error}); fetch it again") from error
    if not content.strip():
        raise ValueError(f"{path}: the file is empty")
    return content


def format_suffix(path: str | Path) -> str:
    """The suffix that names the format, lower case and without ``.gz``: ``".sdf"`` for ``a.SDF.gz``."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """A binary stream whose content becomes ``path`` when the block ends, and leaves no trace if it fails.

    The stream compresses where the name ends in ``.gz``. Missing parent folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as raw:
            if path.suffix.lower() == ".gz":
                with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as stream:
                    yield stream  # type: ignore[misc]
            else:
                yield raw
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
