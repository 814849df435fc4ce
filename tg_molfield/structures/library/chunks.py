"""Entries of a library by the chunk, which is what one process works on at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.structures.library.entries import Entry

_RECORDS_AT_ONCE, _SMILES_AT_ONCE, _BYTES_AT_ONCE = 256, 32, 2**24
"""The most in a chunk; fewer where conformers are made or records are large."""

Chunk = list[tuple[int, Entry]]
"""Entries with their positions in the library."""


def chunked(entries: Iterator[tuple[int, Entry]], size: int | None = None) -> Iterator[Chunk]:
    """Entries in chunks that depend on the library alone.

    Args:
        entries: with their positions.
        size: the most entries in a chunk; by default 256, or 32 SMILES.
    """
    while first := next(entries, None):
        chunk = [first]
        limit = size or (_SMILES_AT_ONCE if first[1].kind == "smiles" else _RECORDS_AT_ONCE)
        held = _size(first[1].content)
        while len(chunk) < limit and held < _BYTES_AT_ONCE and (following := next(entries, None)):
            chunk.append(following)
            held += _size(following[1].content)
        yield chunk


def place(chunk: Chunk) -> str:
    """What a chunk is called in messages."""
    return f"the records {chunk[0][1].record} to {chunk[-1][1].record}"


def _size(content: Any) -> int:
    """Bytes of a content, or of the parts that it consists of; of a file, those on the disk."""
    if isinstance(content, Entry):
        return _size(content.content)
    if isinstance(content, tuple):
        return sum(map(_size, content))
    if isinstance(content, Path):
        return content.stat().st_size if content.is_file() else 0
    if isinstance(content, Data):
        tensors = (value for value in content.to_dict().values() if isinstance(value, Tensor))
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return len(content) if isinstance(content, str) else 0
