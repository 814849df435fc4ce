"""The folder that a command writes to."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made or written to, before anything is calculated for it; nothing is made.

    Raises:
        OSError: it is a file, lies in one, or may not be written to.
    """
    absolute = Path(os.path.abspath(folder))
    there = next(one for one in (absolute, *absolute.parents) if os.path.lexists(one))
    if not there.is_dir():
        raise NotADirectoryError(_unfit(folder, "a file"))
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(_unfit(folder, "no permission to write"))


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are not there.

    Raises:
        OSError: it cannot be made, or is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        got = "a file" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        raise type(error)(_unfit(folder, str(got))) from error


def _unfit(folder: Path, got: str) -> str:
    return f"{folder}: expected a folder that can be written to, got: {got}; choose another output"


def keep_inputs(inputs: Iterable[str | Path | None], folder: Path, patterns: Sequence[str]) -> None:
    """Refuse to write into a folder where one of the inputs lies that would be overwritten.

    Args:
        inputs: the files that are read, among other texts.
        folder: where files are written.
        patterns: of their names.

    Raises:
        ValueError: an input has such a name and lies there.
    """
    for given in inputs:
        path = Path(os.path.realpath(given)) if given is not None else Path()
        if path.parent == Path(os.path.realpath(folder)) and any(fnmatch(path.name, one) for one in patterns):
            raise ValueError(
                f"--output: expected a folder in which {given}, which is read, is not overwritten, got {folder}; "
                "choose another one"
            )


@contextmanager
def telling_leftovers(folder: Path, patterns: Sequence[str]) -> Iterator[None]:
    """Warn of files with names like those that the block writes into a folder, but of an earlier run."""
    before = {path: path.stat().st_mtime_ns for one in patterns for path in folder.glob(one)}
    yield
    left = sorted(path.name for path, time in before.items() if path.exists() and path.stat().st_mtime_ns == time)
    if left:
        more = f" and {len(left) - 1} more" * (len(left) > 1)
        warnings.warn(
            f"{folder}: expected files of this run alone, got {left[0]}{more} of an earlier one; remove them, or "
            "choose another folder",
            stacklevel=3,
        )
