"""The text of a file, even of a gzip file that is cut short."""

from __future__ import annotations

from pathlib import Path

from tg_molfield.files import check_encoding, read_before_damage, read_bytes


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
        ValueError: the file is empty, damaged or in UTF-16.
    """
    content, damage = read_before_damage(path) if salvage else (read_bytes(path), "")
    if damage:
        content = content[: content.rfind(b"\n") + 1]
        damage = (
            f"expected a complete gzip file, got one that is damaged or cut short ({damage}); download or copy it again"
        )
        if not content:
            raise ValueError(f"{path}: {damage}")
        damage += ", all records from here on are lost"
    check_encoding(path, content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n"), damage
