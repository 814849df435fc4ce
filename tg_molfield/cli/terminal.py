"""Where commands print: results on the standard output, progress, warnings and errors beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, TextIO, cast

from rich.console import Console

from tg_molfield.progress import bar, in_terminal, print_table

if TYPE_CHECKING:
    from rich.table import Table

Show = Callable[[str, float | None], None]

_shown: ContextVar[bool] = ContextVar("whether there is a bar", default=False)


@cache
def beside() -> Console:
    """The console of progress, warnings and errors, which is the standard error."""
    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def say(text: object) -> None:
    """Print a line of results as it stands."""
    print(text)


def say_table(table: Table) -> None:
    """Print a table of results, see `print_table`."""
    print_table(table)


@contextmanager
def progress(text: str) -> Iterator[Show]:
    """A bar while the block runs, in a terminal and where none is shown yet; it vanishes afterwards.

    Args:
        text: what is done.

    Yields:
        What to call with another text and the share that is done, None if that is not known.
    """
    console = beside()
    if not in_terminal(console) or _shown.get():
        yield lambda text, share: None
        return
    before = _shown.set(True)
    try:
        with bar(console, text) as show:
            yield show
    finally:
        _shown.reset(before)


def print_any_letter() -> None:
    """Print ``?`` for letters that the encoding of a stream lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            cast("TextIO", stream).reconfigure(errors="replace")  # type: ignore[attr-defined]
