"""How far the building of a data set is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple


class BuildProgress(NamedTuple):
    """How far the building of a data set is.

    Attributes:
        records: the records of the source that are done.
        molecules: the molecules that the data set has.
        failed: the records that failed.
        done: the share of the source that has been read, from 0 to 1; None where its size is not known.
        seconds_left: until all is done, if it goes on as fast; None before that can be told.
    """

    records: int
    molecules: int
    failed: int
    done: float | None
    seconds_left: float | None


class Clock:
    """Tells the time left from the share that is done, without what an earlier run did."""

    def __init__(self) -> None:
        self._start: tuple[float, float] | None = None

    def seconds_left(self, done: float | None) -> float | None:
        """Seconds until the share is 1, as fast as since the first call."""
        now = time.monotonic()
        if done is None:
            return None
        if self._start is None:
            self._start = now, done
        begin, before = self._start
        return (now - begin) * (1 - done) / (done - before) if done > before else None


Show = Callable[[BuildProgress], None]


@contextmanager
def shown(progress: Show | bool | None) -> Iterator[Show]:
    """What to call after every chunk: a function given, a bar, or nothing.

    Args:
        progress: None for a bar in a terminal or notebook; True and False for one or none anywhere.

    Raises:
        TypeError: it is something else.
    """
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise TypeError(
            f"progress: expected a function, True, False or None, got {type(progress).__name__}; give True for a bar"
        )
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    if callable(progress):
        yield progress
    elif progress or (progress is None and (console.is_terminal or console.is_jupyter)):
        with Progress(BarColumn(), TextColumn("{task.description}"), console=console, transient=True) as bar:
            task = bar.add_task("0 molecules", total=None)

            def show(state: BuildProgress) -> None:
                total = None if state.done is None else 1.0
                bar.update(task, description=_sentence(state), completed=state.done or 0.0, total=total)

            yield show
    else:
        yield lambda state: None


def _sentence(state: BuildProgress) -> str:
    failed = f", {state.failed} failed" if state.failed else ""
    left = "" if state.seconds_left is None else f", {_duration(state.seconds_left)} left"
    return f"{state.molecules} molecules{failed}{left}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
