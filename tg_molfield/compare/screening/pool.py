"""Chunks of a library scored by several processes, in order."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process

from tg_molfield.compare.screening.chunks import Chunk, Job, score_chunk
from tg_molfield.compare.screening.scored import Outcome

_AHEAD = 2
"""Chunks a process that wait for it."""

_job: Job | None = None


def outcomes(chunks: Iterator[Chunk], job: Job, workers: int) -> Iterator[tuple[Chunk, Outcome]]:
    """The chunks with what becomes of them, in order; few are held at a time.

    Args:
        chunks: entries of the library.
        job: what is done with them.
        workers: the number of processes; 0 to do it in this one.

    Raises:
        ChildProcessError: a process ended by itself.
    """
    if workers == 0:
        for chunk in chunks:
            yield chunk, score_chunk(chunk, job)
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (pickle.dumps(job),))
    waiting: deque[tuple[Chunk, Future[bytes]]] = deque()
    try:
        for chunk in chunks:
            waiting.append((chunk, pool.submit(_work, pickle.dumps(chunk))))
            if len(waiting) > _AHEAD * workers:
                yield _first(waiting)
        while waiting:
            yield _first(waiting)
    finally:
        pool.shutdown(cancel_futures=True)


def _first(waiting: deque[tuple[Chunk, Future[bytes]]]) -> tuple[Chunk, Outcome]:
    chunk, future = waiting.popleft()
    try:
        return chunk, pickle.loads(future.result())
    except BrokenProcessPool as error:
        first, last = chunk[0][1], chunk[-1][1]
        raise ChildProcessError(
            f"workers: expected scores of the records {first.record} to {last.record} or later ones, got a process "
            "that ended by itself; begin the work of a script under if __name__ == '__main__', check the memory, or "
            "give workers=0 to see where it ends"
        ) from error


def _begin(job: bytes) -> None:
    """Keep the job, and end with the process that waits for the results, even if that is killed or interrupted."""
    global _job
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _job = pickle.loads(job)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _work(chunk: bytes) -> bytes:
    """The outcome of a chunk; plain bytes travel without shared memory."""
    assert _job is not None
    return pickle.dumps(score_chunk(pickle.loads(chunk), _job))
