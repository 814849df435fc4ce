"""One training at a time in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tg_molfield.files.locks import locked_folder

_PATIENCE = 10.0
"""Seconds in which the loaders of a killed training end."""


@contextmanager
def only_training(folder: Path | None) -> Iterator[None]:
    """Make a folder, if one is given, and keep other processes from training in it.

    Raises:
        BlockingIOError: another process trains in it.
    """
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked_folder(folder, _PATIENCE))
        except BlockingIOError:
            raise BlockingIOError(
                f"folder: expected one training at a time in {folder}, got another process that trains there; wait "
                "until it ends, or give another folder"
            ) from None
        yield
