"""The text of a file, even of a gzip file that is cut short."""

from __future__ import annotations

import zlib
from pathlib import Path

from tg_molfield.files import read_bytes


def read_text(path: Path, salvage: bool = False) -> tuple[str, str]:
    """The text of ``path``, and what is wrong with the file.

    The text is decoded as UTF-8, or as Latin-1 if it is not valid UTF-8.

    Args:
        path: file to read, decompressed if its name ends in ``.gz``.
        salvage: for a damaged gzip file, return the complete lines before the damage instead of raising an error.

    Returns:
        The text with line ends ``\\n``, and a message about the damage, empty for an undamaged file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty or damaged.
    """
    damage = ""
    try:
        content = read_bytes(path)
    except ValueError as error:
        if not (salvage and isinstance(error.__cause__, EOFError | zlib.error)):
            raise
        content = _before_damage(path.read_bytes())
        damage = (
            f"expected a complete gzip file, got one that is damaged or cut short ({error.__cause__}); "
            "download or copy it again, all records from here on are lost"
        )
        if not content:
            raise
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n"), damage


def _before_damage(compressed: bytes, step: int = 1024) -> bytes:
    """The complete lines that decompress before the damage."""
    stream = zlib.decompressobj(wbits=31)
    content = bytearray()
    rest = compressed
    while rest:
        piece, rest = rest[:step], rest[step:]
        try:
            content += stream.decompress(piece)
        except zlib.error:
            break
        if stream.eof:
            rest = stream.unused_data + rest
            stream = zlib.decompressobj(wbits=31)
    return bytes(content[: content.rfind(b"\n") + 1])
