"""The folder that a command writes to."""

from __future__ import annotations

from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are not there.

    Raises:
        OSError: it cannot be made, or is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        got = "a file" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        raise type(error)(
            f"{folder}: expected a folder that can be written to, got: {got}; choose another output"
        ) from error
