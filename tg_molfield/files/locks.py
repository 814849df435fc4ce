"""Locks on files and folders, which the system drops when they are closed or the process ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]


def lock(file: BinaryIO | int, wait: bool = False) -> bool:
    """Lock an open file; whether it is locked now, as some systems and file systems have no locks.

    Args:
        file: the file or its descriptor.
        wait: until another process drops its lock.

    Raises:
        BlockingIOError: another process holds the lock.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


@contextmanager
def locked_folder(folder: Path, seconds: float = 0.0) -> Iterator[None]:
    """Lock a folder that exists, for a time.

    Args:
        folder: the folder.
        seconds: how long to wait until another process drops its lock. Forks of a killed process hold it for a while.

    Raises:
        BlockingIOError: another process holds the lock.
    """
    if fcntl is None:
        yield
        return
    end = time.monotonic() + seconds
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        while True:
            try:
                lock(descriptor)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.2)
        yield
    finally:
        os.close(descriptor)
