"""The table of codes: its columns, whatever the file that it is written to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tg_molfield.text_numbers import parse_number

if TYPE_CHECKING:
    from tg_molfield.cli.embed.records import Source
    from tg_molfield.nn.embedding.nearest import Neighbors

Column = list[str] | np.ndarray


@dataclass(frozen=True)
class CodeTable:
    """The codes of M molecules and what is known about these.

    Attributes:
        facts: columns by name: where the molecules are from, their SMILES and the named values of the files, as text.
        codes: ``[M, D]`` float32 by name, ``code`` and ``summary``, or one of them.
        neighbors: of each molecule, or None.
    """

    facts: dict[str, Column]
    codes: dict[str, np.ndarray]
    neighbors: Neighbors | None

    def __len__(self) -> int:
        return len(next(iter(self.codes.values())))

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


def code_table(
    sources: Sequence[Source], codes: dict[str, np.ndarray], neighbors: Neighbors | None, several_files: bool
) -> CodeTable:
    """The table of molecules from ``sources``, in their order."""
    facts: dict[str, Column] = {"row": np.arange(1, len(sources) + 1)}
    if several_files:
        facts["file"] = [one.file for one in sources]
    facts["record"] = np.array([one.record for one in sources], dtype=np.int64)
    facts["name"] = [one.name for one in sources]
    facts["smiles"] = [one.smiles for one in sources]
    for label in dict.fromkeys(name for one in sources for name in one.labels):
        facts[_free_name(label, facts)] = [one.labels.get(label, "") for one in sources]
    return CodeTable(facts, codes, neighbors)


def typed(column: Column) -> Column:
    """A column of text as int64 or float64 if all of it are numbers; what is empty becomes NaN.

    Digits with leading zeros are names, not numbers.
    """
    if isinstance(column, np.ndarray) or not any(column):
        return column
    if all(text.lstrip("-").isdecimal() for text in column):
        whole = [int(text) for text in column]
        exact = all(str(number) == text for number, text in zip(whole, column, strict=True))
        return np.array(whole, dtype=np.int64) if exact and max(map(abs, whole)) < 2**63 else column
    try:
        return np.array(list(_numbers(column)))
    except ValueError:
        return column


def _numbers(column: Iterable[str]) -> Iterable[float]:
    for text in column:
        digits = text.lstrip("+-")
        if digits[:1] == "0" and digits[1:2].isdecimal():
            raise ValueError(text)
        yield parse_number(text) if text else math.nan


_RESERVED = ("row", "file", "record", "name", "smiles", "code", "summary", "neighbors", "distances")
_NUMBERED = ("code_", "summary_", "neighbor_", "distance_")


def _free_name(label: str, taken: Iterable[str]) -> str:
    """The label, with ``_in_file`` after it where a column of this table has its name."""
    if label in _RESERVED or label.startswith(_NUMBERED):
        label = f"{label}_in_file"
    while label in taken:
        label += "_"
    return label
