"""Processes of this machine."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, current_process, get_context, parent_process
from typing import Any

_AHEAD = 2
"""Chunks a process that wait for it."""

_work: Callable[[Any], Any] | None = None


class Processes:
    """Processes that do the same work with one chunk after the other.

    Args:
        work: a pickled function.
        workers: their number.

    Attributes:
        ahead: the chunks that are to be submitted before the first result is waited for.
    """

    def __init__(self, work: bytes, workers: int) -> None:
        self._pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (work,))
        self.ahead = _AHEAD * workers

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, chunk: bytes) -> Future[bytes]:
        """Begin the work on a pickled chunk."""
        return self._pool.submit(_outcome, chunk)

    def result(self, task: Future[bytes], place: str) -> bytes:
        """The pickled result.

        Raises:
            ChildProcessError: a process ended by itself.
        """
        try:
            return task.result()
        except BrokenProcessPool as error:
            raise ChildProcessError(
                f"workers: expected results for {place} or later ones, got a process that ended by itself; begin the "
                "work of a script under if __name__ == '__main__', check the memory, or give workers=0 to see where "
                "it ends"
            ) from error


def check_begun() -> None:
    """Raise a RuntimeError in a process that still imports the script of the one that began it, which waits for it."""
    if getattr(current_process(), "_inheriting", False):
        raise RuntimeError(
            "workers: expected a script that begins its work under if __name__ == '__main__', got one that each of its "
            "processes would begin anew; put the work there, or give workers=0"
        )


def _begin(work: bytes) -> None:
    """Keep the work, and end with the process that waits for the results, even if that is killed or interrupted."""
    global _work
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _work = pickle.loads(work)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _outcome(chunk: bytes) -> bytes:
    """What becomes of a chunk; plain bytes travel without shared memory."""
    assert _work is not None
    return pickle.dumps(_work(pickle.loads(chunk)))
