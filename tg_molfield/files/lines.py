"""The lines of a text file, however large, one after the other."""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from tg_molfield.files.encoding import check_encoding
from tg_molfield.files.gunzip import STEP, DamagedGzipError, check_gzip, unfolded
from tg_molfield.files.reading import empty_file, readable

LONGEST = 2**24
"""Characters of the longest line."""

_PIECE = 2**18


class Lines:
    """The lines of a file without their ends, read as they are asked for.

    Each byte is one character (Latin-1) until `decoded` has seen the lines that belong together. What a gzip file
    unfolds to is not limited, since nothing is kept.

    Args:
        path: the file, decompressed if its name ends in ``.gz``.

    Attributes:
        done: the share of the file that has been read, from 0 to 1.
        damage: what is wrong with a gzip file, known at the end; the last line may be missing then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done = 0.0
        self.damage = ""

    def __iter__(self) -> Iterator[str]:
        """The lines, each once.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is empty, no gzip file, or has a line of more than 16 MiB.
        """
        newlines = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("latin-1")(), translate=True)
        rest, content = "", False
        try:
            for piece in self._content():
                if not content:
                    check_encoding(self.path, piece)
                    piece = piece.removeprefix(codecs.BOM_UTF8)
                    content = bool(piece.strip())
                *whole, rest = (rest + newlines.decode(piece)).split("\n")
                yield from whole
                if len(rest) > LONGEST:
                    raise ValueError(
                        f"{self.path}: expected lines of at most {LONGEST // 2**20} MiB, got a longer one; "
                        "check that this is a text file"
                    )
        except DamagedGzipError as error:
            self.damage = str(error)
            return
        if not content:
            raise empty_file(self.path)
        if last := rest + newlines.decode(b"", final=True).rstrip("\n"):
            yield last

    def _content(self) -> Iterator[bytes]:
        packed = self.path.suffix.lower() == ".gz"
        with readable(self.path) as stream:
            pieces = self._pieces(stream, STEP if packed else _PIECE)
            first = next(pieces, b"")
            if packed and first:
                check_gzip(self.path, first)
            whole = chain([first], pieces)
            yield from unfolded(whole) if packed and first else whole

    def _pieces(self, stream: BinaryIO, length: int) -> Iterator[bytes]:
        size = os.fstat(stream.fileno()).st_size
        read = 0
        while piece := stream.read(length):
            read += len(piece)
            self.done = min(1.0, read / max(1, size))
            yield piece


def decoded(text: str) -> str:
    """Text of `Lines` as UTF-8, or unchanged if it is not valid UTF-8."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text
