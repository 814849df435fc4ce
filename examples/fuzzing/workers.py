"""Long-lived worker processes with limits of memory and processor time; a worker that dies is replaced.

The parent has everything imported and forks, so that a new worker is ready at once.
"""

from __future__ import annotations

import faulthandler
import gzip
import math
import os
import resource
import signal
import sys
import time
import zlib
from collections.abc import Iterable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzzing.inputs import Input
from fuzzing.reading import Outcome, difference, read_input

SECONDS, BYTES = 5, 2 * 10**9
_WALL_SECONDS = 60
_CONTEXT = get_context("fork")


def run_inputs(inputs: Iterable[tuple[int, Input]], workers: int) -> Iterator[tuple[int, Input, Outcome]]:
    """The outcome of each input, as they finish."""
    with TemporaryDirectory(prefix="fuzz") as folder:
        idle, busy = [_Worker(Path(folder) / str(n)) for n in range(workers)], []
        todo = iter(inputs)
        try:
            while True:
                while idle and (job := next(todo, None)):
                    busy.append(idle.pop())
                    busy[-1].start(*job)
                if not busy:
                    return
                wait([worker.pipe for worker in busy], timeout=1)
                for worker in [*busy]:
                    outcome = worker.outcome()
                    if outcome:
                        busy.remove(worker)
                        idle.append(worker)
                        yield *worker.job, outcome
        finally:
            for worker in (*idle, *busy):
                worker.stop()


class _Worker:
    """One process, and the input that it reads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._fork()

    def _fork(self) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_work, args=(theirs, self.folder), daemon=True)
        self.process.start()
        theirs.close()

    def start(self, number: int, job: Input) -> None:
        self.job, self.compares, self.deadline = (number, job), False, time.monotonic() + _WALL_SECONDS
        self.pipe.send(job)

    def outcome(self) -> Outcome | None:
        """What became of the input, or ``None`` while it is read."""
        try:
            while self.pipe.poll():
                answer = self.pipe.recv()
                if answer is not None:
                    return answer
                self.compares = True
        except (EOFError, ConnectionResetError):
            return self._replaced()
        if time.monotonic() > self.deadline:
            self.process.kill()
            return self._replaced()
        return None

    def _replaced(self) -> Outcome:
        """A new process, and what the death of the old one means."""
        self.process.join()
        code = -(self.process.exitcode or 0)
        self.pipe.close()
        self._fork()
        if self.compares:
            return Outcome("ok", "read")
        if code in (signal.SIGXCPU, signal.SIGKILL):
            return Outcome("hang", f"over {SECONDS} s of processor time")
        return Outcome("crash", f"the process died with signal {code}" if code > 0 else f"exit status {-code}")

    def stop(self) -> None:
        self.process.kill()
        self.process.join()


def _work(pipe: Connection, folder: Path) -> None:
    """Read inputs until the parent is gone."""
    faulthandler.disable()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    sys.setrecursionlimit(1000)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        path = folder / f"input{job.suffix}"
        path.write_bytes(job.content)
        _limit_time(SECONDS)
        outcome = read_input(path, job)
        _limit_time(None)
        if outcome.result is not None:
            pipe.send(None)
            found = difference(path, _decompressed(path, job.content), outcome.result, job)
            outcome = Outcome("silent", found) if found else Outcome("ok", "read" if found is None else "compared")
        path.unlink()
        pipe.send(outcome)


def _limit_time(seconds: int | None) -> None:
    """End the process once it has used so many more seconds of processor time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    now = math.ceil(usage.ru_utime + usage.ru_stime)
    soft = resource.RLIM_INFINITY if seconds is None else now + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _decompressed(path: Path, content: bytes) -> bytes:
    if path.suffix != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return b""
