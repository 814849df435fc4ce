"""One short error for whatever the decoder of a file raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_FAULTS = (OSError, MemoryError, Warning)
"""What says nothing about the content of a file, and is passed on as it is."""


@contextmanager
def decoding(path: str | Path) -> Iterator[None]:
    """Turn whatever a decoder raises inside the block into one short ``ValueError`` that names the file.

    Raises:
        ValueError: the decoder failed. A ``ValueError`` that already names the file is passed on, with long lines cut.
    """
    try:
        yield
    except NO_FAULTS:
        raise
    except Exception as error:
        message, name = str(error), str(path)
        if not (isinstance(error, ValueError) and message.startswith(name)):
            raise ValueError(f"{path}: {fault_message(error)}") from error
        short = name + "\n".join(map(shortened, message[len(name) :].split("\n")))
        if short == message:
            raise
        raise ValueError(short) from error


def shortened(text: str, length: int = 1000) -> str:
    """``text``, cut if it is longer than ``length`` characters."""
    return text if len(text) <= length else text[:length] + " …"


def fault_message(error: Exception, length: int = 500) -> str:
    """What a decoder complains of in at most about ``length`` characters, with its class unless it is a ValueError."""
    short = shortened(str(error), length)
    if isinstance(error, ValueError):
        return short
    return f"expected a file that can be decoded, got {type(error).__name__}: {short}; download or write it again"
