"""Commands that keep what is done beside their first output, and go on from there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

Resume = Annotated[bool, typer.Option("--resume", help="Resume: an interrupted run with the same output and options.")]


@contextmanager
def resumable(output: Path, resume: bool) -> Iterator[Path]:
    """Where the state of an unfinished run is kept; who interrupts it is told how to go on.

    Raises:
        ValueError: there is one, and it is not to be gone on with.
    """
    state = output.with_name(f"{output.name}.checkpoint")
    if state.exists() and not resume:
        raise ValueError(f"{state}: expected no unfinished run, got one; give --resume to go on, or remove the file")
    try:
        yield state
    except KeyboardInterrupt as stop:
        if state.exists():
            stop.args = ("the same command with --resume goes on where it was",)
        raise
