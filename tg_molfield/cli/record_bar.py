"""The progress of a command that goes through the records of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def record_bar() -> Iterator[Callable[[str, float | None], None]]:
    """A bar on the terminal, which is called with a text and the share that is done, None if that is not known."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("0 records", total=None)

        def show(text: str, share: float | None) -> None:
            bar.update(task, description=text, completed=share or 0.0, total=None if share is None else 1.0)

        yield show
