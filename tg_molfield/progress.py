"""How far long work is: a bar in a terminal or a notebook, or calls of a function; and tables, for either or a file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDE = 10_000
_NOTEBOOK_PAUSE = 0.2
"""Seconds from one drawing in a notebook to the next, at least."""


@contextmanager
def shown(
    progress: Callable[..., None] | bool | None,
    describe: Callable[..., tuple[str, float | None]],
    stays: bool = False,
) -> Iterator[Callable[..., None]]:
    """What to call with the state of the work, again and again.

    Args:
        progress: a function that is called instead of showing a bar; None for a bar in a terminal or notebook; True
            and False for one or none anywhere.
        describe: from the same arguments, the state in a few words and the share that is done, None where that is
            not known.
        stays: whether the bar stays when the work is done.

    Raises:
        TypeError: ``progress`` is something else.
    """
    check_progress(progress)
    from rich.console import Console

    console = Console(stderr=True)
    if callable(progress):
        yield progress
    elif progress or (progress is None and (in_terminal(console) or console.is_jupyter)):
        with bar(console, "", stays) as show:
            yield lambda *state: show(*describe(*state))
    else:
        yield lambda *state: None


def in_terminal(console: Console) -> bool:
    """Whether lines can be drawn anew; ``FORCE_COLOR`` asks for colours alone, as in the logs of test servers."""
    return console.is_terminal and not (os.environ.get("FORCE_COLOR") and not console.file.isatty())


def print_table(table: Table) -> None:
    """Print a table: as wide as a terminal, elsewhere without a frame and with a line for each row."""
    from rich.console import Console

    console = Console(emoji=False)
    if not in_terminal(console):
        table.box = None
        console = Console(emoji=False, width=_WIDE)
    console.print(table)


def check_progress(progress: object) -> None:
    """Raise a TypeError unless ``progress`` is what `shown` takes."""
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise TypeError(
            f"progress: expected a function, True, False or None, got {type(progress).__name__}; give True for a bar"
        )


@contextmanager
def bar(console: Console, text: str, stays: bool = False) -> Iterator[Callable[[str, float | None], None]]:
    """A bar with a text and the time, to be called with another text and the share that is done, None if not known.

    Args:
        console: where it is shown.
        text: the first text.
        stays: whether the bar stays when the work is done.
    """
    if console.is_jupyter:
        with _notebook_bar(text, stays) as show:
            yield show
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=not stays) as progress:
        task = progress.add_task(text, total=None)

        def show(text: str, share: float | None) -> None:
            progress.update(task, description=text, completed=share or 0.0, total=None if share is None else 1.0)

        yield show


@contextmanager
def _notebook_bar(text: str, stays: bool) -> Iterator[Callable[[str, float | None], None]]:
    """A bar of HTML that is replaced, which needs no widgets and leaves little in the saved notebook."""
    from IPython.display import display

    began = drawn = time.monotonic()
    state: tuple[str, float | None] = (text, None)

    def bundle() -> dict[str, str]:
        clock = duration(time.monotonic() - began)
        value = "" if state[1] is None else f' value="{min(max(state[1], 0), 1):.4f}"'
        bar = f'<progress{value} style="vertical-align: middle; width: 16em"></progress>'
        return {
            "text/html": f'<div style="font-size: 13px">{bar} {escape(state[0])} <code>{clock}</code></div>',
            "text/plain": f"{state[0]} {clock}",
        }

    handle = display(bundle(), raw=True, display_id=True)

    def show(text: str, share: float | None) -> None:
        nonlocal state, drawn
        state = (text, share)
        if time.monotonic() - drawn > _NOTEBOOK_PAUSE:
            drawn = time.monotonic()
            handle.update(bundle(), raw=True)

    try:
        yield show
    finally:
        handle.update(bundle() if stays else {"text/html": "", "text/plain": ""}, raw=True)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as 0:02:07."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
