"""One builder of a data set at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tg_molfield.files.locks import lock
from tg_molfield.parallel.processes import check_begun


@contextmanager
def build_lock(folder: Path) -> Iterator[None]:
    """Wait until no other process builds in the folder; the system drops the lock of a killed one.

    Raises:
        OSError: the folder cannot be made or written.
        RuntimeError: the process that builds waits for this one.
    """
    check_begun()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / "build.lock").open("ab")
    except OSError as error:
        raise type(error)(
            f"{folder}: expected a folder that can be written, got: {error.strerror or error}; give another root"
        ) from error
    with stream:
        lock(stream, wait=True)
        yield
