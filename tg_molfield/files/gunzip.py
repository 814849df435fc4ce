"""Decompression within limits.

A few bytes can unfold to a thousand times as many. What unfolds to more than 256 MiB is refused if that is over 200
times the size of the file (maps and text of numbers unfold to between 1.1 and 100 times), and in any case if it is over
a quarter of the available memory, since decoders need several times the size of the content.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from tg_molfield.memory import available_bytes

_ALWAYS_ALLOWED = 2**28
_RATIO = 200
_MEMORY_PART, _WHATEVER_THE_MEMORY = 4, 2**26
STEP = 1024
"""Compressed bytes per step: what the step at the damage unfolds to is lost."""
_PART = 2**20


def unfolding_limit(size: int) -> int:
    """The bytes that ``size`` compressed bytes may unfold to."""
    return min(max(_ALWAYS_ALLOWED, _RATIO * size), max(available_bytes() // _MEMORY_PART, _WHATEVER_THE_MEMORY))


class DamagedGzipError(Exception):
    """A gzip file is damaged or cut short from here on; the argument says how."""


def gunzip(path: Path, compressed: bytes) -> tuple[bytes, str]:
    """The content of a gzip file, of several members if there are several, up to any damage.

    Args:
        path: the file, for messages.
        compressed: its bytes.

    Returns:
        The content, and what is wrong with the file, empty for a sound one.

    Raises:
        ValueError: it is not a gzip file, or unfolds to more than the limit.
    """
    check_gzip(path, compressed)
    limit = unfolding_limit(len(compressed))
    view, content = memoryview(compressed), bytearray()
    try:
        for part in unfolded(view[place : place + STEP] for place in range(0, len(view), STEP)):
            content += part
            if len(content) > limit:
                raise ValueError(
                    f"{path}: expected a gzip file that unfolds to at most {limit // 2**20} MiB ({_RATIO} times its "
                    f"size, or a quarter of the available memory), got {len(compressed)} bytes that unfold to more; "
                    "decompress it with gzip -d if you trust it"
                )
    except DamagedGzipError as error:
        return bytes(content), str(error)
    return bytes(content), ""


def check_gzip(path: Path, start: bytes) -> None:
    """Refuse a file that does not start as a gzip file does.

    Raises:
        ValueError: it is another format.
    """
    if not b"\x1f\x8b".startswith(start[:2]):
        raise ValueError(f"{path}: expected a gzip file, got another format; rename it or compress it")


def unfolded(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The content of a gzip file in parts of at most 1 MiB.

    Args:
        pieces: the file in pieces; what the one at the damage unfolds to is lost.

    Raises:
        DamagedGzipError: the file is damaged.
    """
    waiting: bytes | memoryview = b""
    source = iter(pieces)
    stream = zlib.decompressobj(wbits=31)
    while True:
        waiting = waiting or next(source, b"")
        if stream.eof:
            ended, waiting = not waiting, bytes(waiting).lstrip(b"\0")
            if ended:
                return
            if not waiting:
                continue
            stream = zlib.decompressobj(wbits=31)
        try:
            part = stream.decompress(waiting, _PART)
        except zlib.error as error:
            raise DamagedGzipError(str(error)) from error
        if not waiting and not part:
            raise DamagedGzipError("the end is missing")
        waiting = stream.unconsumed_tail or stream.unused_data
        yield part
