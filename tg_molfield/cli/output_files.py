"""The files that a command is to write, checked before it works on them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from tg_molfield.cli.output_folder import check_folder
from tg_molfield.files import format_suffix

_NEVER_PACKED = (".html", ".npz", ".parquet")


def check_outputs(paths: Sequence[Path] | None, known: Sequence[str], inputs: Iterable[str | Path]) -> list[Path]:
    """The files to write.

    Args:
        paths: the files.
        known: their suffixes.
        inputs: what is read, which must not be overwritten.

    Raises:
        ValueError: a suffix is not one of those known, a file is named twice, or it is read too, or is a folder.
        OSError: the folder of a file cannot be written to.
    """
    for path in paths or ():
        if format_suffix(path) not in known or (path.suffix.lower() == ".gz" and format_suffix(path) in _NEVER_PACKED):
            raise ValueError(
                f"--output: expected a file with one of the suffixes {', '.join(known)}, got {path}; change the suffix"
            )
    check_places(paths or (), inputs)
    return list(paths or ())


def check_places(paths: Sequence[Path], inputs: Iterable[str | Path] = ()) -> None:
    """Refuse files that cannot be written, or would replace each other or what is read; see `check_outputs`."""
    written: set[str] = set()
    read = {os.path.realpath(path) for path in inputs}
    for path in paths:
        place = os.path.realpath(path)
        if place in read:
            raise ValueError(f"--output: expected another file than those to read, got {path}; choose another name")
        if place in written:
            raise ValueError(f"--output: expected different files, got {path} twice; name each once")
        if os.path.isdir(place):
            raise IsADirectoryError(f"--output: expected the name of a file, got the folder {path}; name a file in it")
        check_folder(Path(place).parent)
        written.add(place)
