"""The text of a file, also of a gzip file that was cut short."""

from __future__ import annotations

import zlib
from pathlib import Path

from tg_molfield.files import read_bytes


def read_text(path: Path, salvage: bool = False) -> tuple[str, str]:
    """The text of ``path`` and what is wrong with the file.

    Text is UTF-8, or Latin-1 where it is not valid UTF-8.

    Args:
        path: file to read, decompressed where its name ends in ``.gz``.
        salvage: give the whole lines before the damage of a damaged gzip file, instead of an error.

    Returns:
        The text, with line ends ``\\n``, and the damage as a sentence, empty for a sound file.

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
        damage = f"the gzip file is damaged or cut short ({error.__cause__})"
        if not content:
            raise
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n"), damage


def _before_damage(compressed: bytes, step: int = 1024) -> bytes:
    """Whole lines that decompress before the damage."""
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
