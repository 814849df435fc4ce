"""The table of codes, read block by block, whatever the file that it is written to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tg_molfield.cli.embed.columns import Column, Values, columns_of
from tg_molfield.cli.embed.parts import Parts
from tg_molfield.cli.embed.records import Source
from tg_molfield.nn.embedding.nearest import ROWS_AT_ONCE, Neighbors


@dataclass(frozen=True)
class Block:
    """Some rows of a table.

    Attributes:
        first: the number of the first, from 0.
        sources: of the molecules.
        codes: ``[B, D]``.
        neighbors: ``[B, K]``, or None.
    """

    first: int
    sources: Sequence[Source]
    codes: np.ndarray
    neighbors: Neighbors | None

    def rows(self) -> np.ndarray:
        """Their numbers, from 1."""
        return np.arange(self.first + 1, self.first + len(self.sources) + 1)

    def records(self) -> np.ndarray:
        """The numbers of the records in their files."""
        return np.array([one.record for one in self.sources], dtype=np.int64)

    def neighbor_columns(self) -> dict[str, np.ndarray]:
        """``neighbor_1``, the row of the nearest molecule from 1 on, ``distance_1``, and so on."""
        if self.neighbors is None:
            return {}
        rows, distances = self.neighbors.index.numpy() + 1, self.neighbors.distance.numpy()
        return {
            f"{name}_{rank + 1}": values[:, rank]
            for rank in range(rows.shape[1])
            for name, values in (("neighbor", rows), ("distance", distances))
        }


class CodeTable:
    """The codes of M molecules and what is known about these.

    Args:
        parts: the molecules.
        name: of their codes: ``"code"`` or ``"summary"``.
        several_files: whether there is a column of files.
        neighbors: how many neighbours each has, None for a table without any.

    Attributes:
        width: the numbers of a code.
        dtype: their type.
        columns: those of text; after the columns ``row`` and ``record`` in files.
    """

    def __init__(self, parts: Parts, name: str, several_files: bool, neighbors: int | None) -> None:
        state = parts.state()
        self.name = name
        self.neighbors = neighbors
        self.width: int = state["width"]
        self.dtype = np.dtype(state["type"])
        self.columns: list[Column] = columns_of(parts.sources(), several_files)
        self._parts = parts
        self._count: int = state["molecules"]

    def __len__(self) -> int:
        return self._count

    def blocks(self, size: int = ROWS_AT_ONCE) -> Iterator[Block]:
        """The rows, ``size`` at a time, which is a multiple of `ROWS_AT_ONCE`."""
        first = 0
        for sources, codes in self._parts.blocks(size):
            near = None if self.neighbors is None else self._parts.neighbors(first, len(sources))
            yield Block(first, sources, codes, near)
            first += len(sources)

    def facts(self, block: Block) -> dict[str, Values]:
        """The columns but codes and neighbours: ``row``, ``file``, ``record``, ``name``, ``smiles`` and others."""
        texts = {column.name: column.values(block.sources) for column in self.columns}
        return self._ordered(block, texts)

    def texts(self, block: Block) -> dict[str, Values]:
        """As `facts`, with what the files have as text."""
        return self._ordered(block, {column.name: column.texts(block.sources) for column in self.columns})

    def _ordered(self, block: Block, known: dict[str, Values]) -> dict[str, Values]:
        files = {"file": known.pop("file")} if "file" in known else {}
        return {"row": block.rows(), **files, "record": block.records(), **known}
