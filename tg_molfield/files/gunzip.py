"""Decompression within limits.

A few bytes can unfold to a thousand times as many. What unfolds to more than 256 MiB is refused if that is over 200
times the size of the file (maps and text of numbers unfold to between 1.1 and 100 times), and in any case if it is over
a quarter of the available memory, since decoders need several times the size of the content.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from tg_molfield.memory import available_bytes

_ALWAYS_ALLOWED = 2**28
_RATIO = 200
_MEMORY_PART, _WHATEVER_THE_MEMORY = 4, 2**26
_STEP = 1024
"""Compressed bytes per step: what the step at the damage unfolds to is lost."""


def unfolding_limit(size: int) -> int:
    """The bytes that ``size`` compressed bytes may unfold to."""
    return min(max(_ALWAYS_ALLOWED, _RATIO * size), max(available_bytes() // _MEMORY_PART, _WHATEVER_THE_MEMORY))


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
    if not b"\x1f\x8b".startswith(compressed[:2]):
        raise ValueError(f"{path}: expected a gzip file, got another format; rename it or compress it")
    limit = unfolding_limit(len(compressed))
    view, place, content = memoryview(compressed), 0, bytearray()
    stream = zlib.decompressobj(wbits=31)
    while True:
        if stream.eof:
            while place < len(view) and view[place] == 0:
                place += 1
            if place == len(view):
                return bytes(content), ""
            stream = zlib.decompressobj(wbits=31)
        piece = view[place : place + _STEP]
        try:
            unfolded = stream.decompress(piece, limit + 1 - len(content))
        except zlib.error as error:
            return bytes(content), str(error)
        if not piece and not unfolded:
            return bytes(content), "the end is missing"
        place += len(piece) - len(stream.unconsumed_tail) - len(stream.unused_data)
        content += unfolded
        if len(content) > limit:
            raise ValueError(
                f"{path}: expected a gzip file that unfolds to at most {limit // 2**20} MiB ({_RATIO} times its size, "
                f"or a quarter of the available memory), got {len(compressed)} bytes that unfold to more; "
                "decompress it with gzip -d if you trust it"
            )
