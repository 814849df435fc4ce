"""Reading and writing whole files: gzip by suffix, and writes that replace a file only when they are complete."""

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
    """The content of ``path``, decompressed if the name ends in ``.gz``.

    Raises:
        FileNotFoundError: there is no such file.
        IsADirectoryError: ``path`` is a folder.
        ValueError: the file is empty, or its name ends in ``.gz`` and it is damaged or not a gzip file.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: expected a file, got a folder; give the path of a file in it")
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected an existing file, got none; check the path")
    content = path.read_bytes()
    if path.suffix.lower() == ".gz":
        try:
            content = gzip.decompress(content)
        except gzip.BadGzipFile as error:
            raise ValueError(f"{path}: expected a gzip file, got another format; rename it or compress it") from error
        except (EOFError, zlib.error) as error:
            raise ValueError(
                f"{path}: expected a complete gzip file, got one that is damaged or cut short ({error}); "
                "download or copy it again"
            ) from error
    if not content.strip():
        raise ValueError(f"{path}: expected content, got an empty file; download or copy it again")
    return content


@contextmanager
def decoding(path: str | Path) -> Iterator[None]:
    """Turn whatever a decoder raises inside the block into one short ``ValueError`` that names the file.

    Raises:
        ValueError: the decoder failed. A ``ValueError`` that already names the file is passed on.
    """
    try:
        yield
    except (OSError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: {fault_message(error)}") from error


def fault_message(error: Exception, length: int = 500) -> str:
    """What a decoder complains of in at most about ``length`` characters, with its class unless it is a ValueError."""
    message = str(error)
    short = message if len(message) <= length else message[:length] + " …"
    if isinstance(error, ValueError):
        return short
    return f"expected a file that can be decoded, got {type(error).__name__}: {short}; download or write it again"


def format_suffix(path: str | Path) -> str:
    """The suffix that names the format, in lower case and without ``.gz``: ``".sdf"`` for ``a.SDF.gz``."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """A binary stream whose content replaces ``path`` when the block ends; if the block fails, nothing changes.

    The stream compresses if the name ends in ``.gz``. Missing parent folders are created.
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
