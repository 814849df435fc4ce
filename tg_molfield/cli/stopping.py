"""How a command ends on Ctrl-C and on the signals by which systems stop processes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = ("SIGTERM", "SIGHUP")


class Stopped(KeyboardInterrupt):
    """A signal to end, on which everything is put in order as on Ctrl-C.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def stopped_in_order() -> Iterator[None]:
    """A context in which SIGTERM and SIGHUP raise `Stopped`, unless they are ignored, as ``nohup`` does.

    A signal that was raised stays ignored while the process ends. While torch is being imported, these and Ctrl-C end
    the process at once: its compiled parts abort on exceptions there, and nothing is begun yet. Only the main thread
    can set this up; in others the context does nothing.
    """
    in_main = threading.current_thread() is threading.main_thread()
    numbers = [getattr(signal, name) for name in _SIGNALS if in_main and hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    handlers = {number: _stop for number in numbers if before[number] is signal.SIG_DFL}
    if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        before[signal.SIGINT], handlers[signal.SIGINT] = signal.default_int_handler, _interrupt
    for number, handler in handlers.items():
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if signal.getsignal(number) is handler:
                signal.signal(number, before[number])


def exit_status(stop: KeyboardInterrupt) -> int:
    """The exit status of a process that a signal ended, as shells give it."""
    return 128 + (stop.number if isinstance(stop, Stopped) else signal.SIGINT)


def sentence(stop: KeyboardInterrupt) -> str:
    """What is told of the end; whoever raises the exception may say more in its argument."""
    name = signal.Signals(stop.number).name if isinstance(stop, Stopped) else "Ctrl-C"
    more = f"; {stop.args[0]}" if stop.args else ""
    return f"stopped by {name}{more}"


def _stop(number: int, frame: FrameType | None) -> None:
    """Raise `Stopped`; the signal is ignored from then on, since programs such as ``timeout`` send it twice."""
    signal.signal(number, signal.SIG_IGN)
    _end_while_importing(Stopped(number))
    raise Stopped(number)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _end_while_importing(KeyboardInterrupt())
    signal.default_int_handler(number, frame)


def _end_while_importing(stop: KeyboardInterrupt) -> None:
    """End the process if torch is being imported."""
    spec = getattr(sys.modules.get("torch"), "__spec__", None)
    if getattr(spec, "_initializing", False):
        os.write(2, f"{sentence(stop)}\n".encode())
        os._exit(exit_status(stop))
