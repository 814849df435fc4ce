"""`in_order`: the chunks of something long with what becomes of them."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tg_molfield.arguments import require_integers
from tg_molfield.parallel.cluster import Cluster, check_cluster
from tg_molfield.parallel.processes import Processes

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


def in_order(
    chunks: Iterator[Chunk],
    work: Callable[[Chunk], Result],
    place: Callable[[Chunk], str],
    workers: int = 0,
    cluster: Any = None,
) -> Iterator[tuple[Chunk, Result]]:
    """The chunks with what becomes of them, in order; few are held at a time.

    Work that is lost with a worker of a cluster is done again by another one.

    Args:
        chunks: what is worked on.
        work: what is done with each, a function or an object that can be pickled; it is sent to each worker once.
        place: what a chunk is called in messages.
        workers: the number of processes; 0 to do it in this one.
        cluster: the address of the scheduler of a Dask cluster, or a ``distributed.Client``.

    Raises:
        ChildProcessError: processes ended by themselves.
        ConnectionError: the scheduler cannot be reached, or not any more.
        ImportError: there is a cluster, but not the package for it.
        ValueError: the work cannot be pickled, or a worker of the cluster has other versions of the packages that
            results depend on.
    """
    if workers == 0 and cluster is None:
        for chunk in chunks:
            yield chunk, work(chunk)
        return
    pickled = _pickled(work)
    pool: Processes | Cluster
    with Processes(pickled, workers) if cluster is None else Cluster(pickled, cluster) as pool:
        waiting: deque[tuple[Chunk, Any]] = deque()
        for chunk in chunks:
            waiting.append((chunk, pool.submit(pickle.dumps(chunk))))
            if len(waiting) > pool.ahead:
                yield _first(waiting, pool, place)
        while waiting:
            yield _first(waiting, pool, place)


def check_workers(workers: int, cluster: Any = None) -> None:
    """Check the options of who does the work.

    Raises:
        ImportError: there is a cluster, but not the package for it.
        TypeError: ``cluster`` is neither an address nor a ``distributed.Client``.
        ValueError: a number is out of range, or there are workers and a cluster.
    """
    require_integers(workers=workers)
    if workers < 0:
        raise ValueError(f"workers: expected 0 or more, got {workers}; 0 uses this process alone")
    if cluster is not None:
        if workers:
            raise ValueError(f"workers: expected none beside a cluster, got {workers}; leave out one of the two")
        check_cluster(cluster)


def _pickled(work: Callable[[Any], Any]) -> bytes:
    try:
        return pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"workers: expected work that can be sent to other processes, got {error}; define its classes and "
            "functions in a module, or leave out workers and cluster"
        ) from error


def _first(waiting: deque[tuple[Chunk, Any]], pool: Processes | Cluster, place: Callable[[Chunk], str]) -> Any:
    chunk, task = waiting.popleft()
    return chunk, pickle.loads(pool.result(task, place(chunk)))
