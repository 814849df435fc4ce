"""Work on chunks of something long, by several processes and in order."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from typing import Any, TypeVar

import torch

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")

_AHEAD = 2
"""Chunks a process that wait for it."""

_work: Callable[[Any], Any] | None = None


def in_order(
    chunks: Iterator[Chunk], work: Callable[[Chunk], Result], workers: int, place: Callable[[Chunk], str]
) -> Iterator[tuple[Chunk, Result]]:
    """The chunks with what becomes of them, in order; few are held at a time.

    Args:
        chunks: what is worked on.
        work: what is done with each, a function or an object that can be pickled.
        workers: the number of processes; 0 to do it in this one.
        place: what a chunk is called in messages.

    Raises:
        ChildProcessError: a process ended by itself.
    """
    if workers == 0:
        for chunk in chunks:
            yield chunk, work(chunk)
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (pickle.dumps(work),))
    waiting: deque[tuple[Chunk, Future[bytes]]] = deque()
    try:
        for chunk in chunks:
            waiting.append((chunk, pool.submit(_outcome, pickle.dumps(chunk))))
            if len(waiting) > _AHEAD * workers:
                yield _first(waiting, place)
        while waiting:
            yield _first(waiting, place)
    finally:
        pool.shutdown(cancel_futures=True)


def _first(waiting: deque[tuple[Chunk, Future[bytes]]], place: Callable[[Chunk], str]) -> tuple[Chunk, Any]:
    chunk, future = waiting.popleft()
    try:
        return chunk, pickle.loads(future.result())
    except BrokenProcessPool as error:
        raise ChildProcessError(
            f"workers: expected results for {place(chunk)} or later ones, got a process that ended by itself; begin "
            "the work of a script under if __name__ == '__main__', check the memory, or give workers=0 to see where "
            "it ends"
        ) from error


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


@contextmanager
def one_thread() -> Iterator[None]:
    """A context in which torch uses one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
