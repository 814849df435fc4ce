"""How far the building of a data set is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from tg_molfield.progress import duration


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


def described(state: BuildProgress) -> tuple[str, float | None]:
    """The state in a few words, and the share that is done."""
    failed = f", {state.failed} failed" if state.failed else ""
    left = "" if state.seconds_left is None else f", {duration(state.seconds_left)} left"
    return f"{state.molecules} molecules{failed}{left}", state.done
