"""Texts in UTF-16, which some editors and shells of Windows write."""

from __future__ import annotations

import codecs
from pathlib import Path


def check_encoding(path: Path, start: bytes) -> None:
    """Raise a ValueError for a text in UTF-16.

    Args:
        path: the file, for the message.
        start: its first bytes.
    """
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(f"{path}: expected text in UTF-8, got UTF-16; save it as UTF-8")
