"""A Dask cluster: processes of many machines, behind the address of one scheduler."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from tg_molfield.optional import require

if TYPE_CHECKING:
    from distributed import Client, Future

_AHEAD = 2
"""Chunks a worker that wait for it."""
_RETRIES = 2
"""How often work is tried again, where it raises an exception: another machine may have more memory or disk."""
_SECONDS = 5.0
"""Between two looks at the workers, which come and go."""
_ANSWERS_WITHIN = 10.0
"""Seconds for the first answer of a scheduler."""
_DECIDING = ("tg_molfield", "torch", "rdkit")
"""Packages on whose versions results depend."""

_one_at_a_time = threading.Lock()


class Cluster:
    """Workers of a Dask cluster that do the same work with one chunk after the other.

    The work is itself the result of a task, which goes to each worker once, from the scheduler or from another worker:
    Dask makes it again if it is lost. What a worker was doing when it ended is done again by another.

    Args:
        work: a pickled function.
        cluster: the address of a scheduler, or a ``distributed.Client``.

    Raises:
        ConnectionError: nothing answers at the address.
        ImportError: the package is missing.
        ValueError: it is no address.
    """

    def __init__(self, work: bytes, cluster: Any) -> None:
        self._pickled = work
        self._cluster = cluster
        self._stack = ExitStack()
        self._looked = -_SECONDS
        self._workers = 0
        self._warned: set[str] = set()

    def __enter__(self) -> Cluster:
        self._client: Client = self._stack.enter_context(_client(self._cluster))
        self._address = _address(self._client)
        self._work = self._submitted(bytes, self._pickled)
        return self

    def __exit__(self, *_: object) -> None:
        del self._work
        self._stack.close()

    @property
    def ahead(self) -> int:
        """The chunks that are to be submitted before the first result is waited for."""
        if time.monotonic() - self._looked >= _SECONDS:
            self._look()
        return _AHEAD * max(1, self._workers)

    def submit(self, chunk: bytes) -> Future:
        """Begin the work on a pickled chunk.

        Raises:
            ConnectionError: the scheduler is lost.
        """
        with self._explained("the work"):
            return self._submitted(_task(), self._work, chunk, _versions())

    def result(self, task: Future, place: str) -> bytes:
        """The pickled result.

        Raises:
            ChildProcessError: the workers that tried ended by themselves.
            ConnectionError: the scheduler is lost.
            ValueError: a worker lacks the package, or has other versions of those that results depend on.
        """
        distributed = require("distributed", "cluster")
        with self._explained(place), self._client.as_current():
            while not task.done():
                try:
                    distributed.wait(task, timeout=_SECONDS)
                except (TimeoutError, asyncio.TimeoutError):
                    self._look()
            return task.result()

    def _submitted(self, function: Callable[..., Any], *arguments: Any) -> Future:
        config = require("dask.config", "cluster")
        with config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            return self._client.submit(function, *arguments, pure=False, retries=_RETRIES)

    def _look(self) -> None:
        """Count the workers.

        Raises:
            ConnectionError: the scheduler is lost.
        """
        try:
            threads = self._client.nthreads()
        except (OSError, RuntimeError, CancelledError) as error:
            raise ConnectionError(self._lost) from error
        self._looked, self._workers = time.monotonic(), len(threads)
        if not threads:
            self._warn(f"cluster: expected workers at {self._address}, got none; start some, they are waited for")
        elif (most := max(threads.values())) > 1:
            self._warn(
                f"cluster: expected workers of one thread, got one of {most}, of which one works at a time; start them "
                "with --nthreads 1, as many as there are cores"
            )

    @property
    def _lost(self) -> str:
        return f"cluster: expected a scheduler at {self._address}, got a lost connection; start it again, and this too"

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            warnings.warn(text, stacklevel=2)
        self._warned.add(text)

    @contextmanager
    def _explained(self, place: str) -> Iterator[None]:
        """Say in the package's words why there are no results."""
        distributed = require("distributed", "cluster")
        try:
            yield
        except (distributed.comm.CommClosedError, CancelledError) as error:
            raise ConnectionError(self._lost) from error
        except ModuleNotFoundError as error:
            if error.name != "tg_molfield":
                raise
            raise ValueError(
                "cluster: expected tg_molfield on all workers, got one without it; install the same version"
            ) from error
        except distributed.KilledWorker as error:
            raise ChildProcessError(
                f"cluster: expected results for {place} or others begun, got {error.allowed_failures + 1} workers that "
                "ended meanwhile; see their logs, check their memory"
            ) from error


def check_cluster(cluster: Any) -> None:
    """Refuse what is neither an address nor a client.

    Raises:
        ImportError: the package is missing.
        TypeError: it is something else.
        ValueError: it is a client that cannot be used.
    """
    distributed = require("distributed", "cluster")
    if not isinstance(cluster, str | distributed.Client):
        raise TypeError(
            "cluster: expected the address of a scheduler or a distributed.Client, got "
            f"{type(cluster).__name__}; give one such as 'tcp://host:8786'"
        )
    if not isinstance(cluster, str) and (cluster.asynchronous or cluster.status != "running"):
        state = "an asynchronous one" if cluster.asynchronous else f"one that is {cluster.status}"
        raise ValueError(f"cluster: expected a connected client, got {state}; give the address of the scheduler")


def _task() -> Callable[[bytes, bytes, dict[str, str]], bytes]:
    """What a worker calls; a function in a function is sent as code, so that one without the package can say so."""

    def task(work: bytes, chunk: bytes, versions: dict[str, str]) -> bytes:
        from tg_molfield.parallel.cluster import do_work

        return do_work(work, chunk, versions)

    return task


def do_work(work: bytes, chunk: bytes, versions: dict[str, str]) -> bytes:
    """What becomes of a pickled chunk, on a worker; one at a time, as warnings and torch's threads are the process's.

    Raises:
        ValueError: the versions of packages here are others.
    """
    for name, own in _versions().items():
        if own != versions[name]:
            raise ValueError(
                f"cluster: expected {name} {versions[name]} on all workers, got {own}; install the same version"
            )
    with _one_at_a_time:
        return pickle.dumps(_loaded(work)(pickle.loads(chunk)))


@lru_cache(maxsize=1)
def _loaded(work: bytes) -> Callable[[Any], Any]:
    return pickle.loads(work)


@lru_cache
def _versions() -> dict[str, str]:
    """Versions without what tells a build for a processor from one for a graphics card."""
    return {name: version(name).partition("+")[0] for name in _DECIDING}


@contextmanager
def _client(cluster: Any) -> Iterator[Client]:
    """The client given, or one of its own for an address."""
    if not isinstance(cluster, str):
        yield cluster
        return
    client = _connected(cluster)
    try:
        yield client
    finally:
        client.close()


def _connected(address: str) -> Client:
    distributed = require("distributed", "cluster")
    try:
        with ThreadPoolExecutor(1) as thread:  # this one may run an event loop, as in a notebook
            thread.submit(asyncio.run, _answer(address)).result()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)
            client = distributed.Client(address, set_as_default=False)
        mismatches = _mismatches(client)
    except ValueError as error:
        raise ValueError(
            f"cluster: expected the address of a scheduler, got {address[:40]!r} ({error}); give one such as "
            "tcp://host:8786"
        ) from error
    except (OSError, TimeoutError, asyncio.TimeoutError, CancelledError) as error:
        raise ConnectionError(
            f"cluster: expected a scheduler at {address}, got no answer; start one with dask scheduler, or check the "
            "address"
        ) from error
    if mismatches:
        warnings.warn(
            f"cluster: expected the packages of this process, got {mismatches}; install the same if work fails",
            stacklevel=2,
        )
    return client


async def _answer(address: str) -> None:
    """Wait for an answer, which a client would wait for without a limit."""
    distributed = require("distributed", "cluster")
    options = distributed.Security().get_connection_args("client")
    connection = distributed.comm.connect(address, timeout=_ANSWERS_WITHIN, **options)
    (await asyncio.wait_for(connection, _ANSWERS_WITHIN)).abort()


def _mismatches(client: Client) -> str:
    """Which packages of Dask differ between this process, the scheduler and the workers; empty if none."""
    found: Any = client.get_versions()
    own = found["client"]["packages"]
    others = [found["scheduler"]["packages"], *(one["packages"] for one in found["workers"].values() if one)]
    differing = []
    for name in own:
        versions = {str(one.get(name)) for one in others} - {str(own[name])}
        if versions:
            differing.append(f"{name} {', '.join(sorted(versions))} (here {own[name]})")
    return ", ".join(differing)


def _address(client: Client) -> str:
    scheduler: Any = client.scheduler
    return str(scheduler.address)
