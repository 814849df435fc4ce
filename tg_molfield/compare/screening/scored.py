"""What becomes of an entry of a library: a score and a pose, or a reason why there is none."""

from __future__ import annotations

from typing import NamedTuple

from torch_geometric.data import Data


class Scored(NamedTuple):
    """The best pose of an entry.

    Attributes:
        position: of the entry in the library, from 0.
        title: its name, may be empty.
        constitution: its atoms and bonds; conformers of one molecule have the same title and constitution.
        conformer: which of its conformers this is, from 1.
        conformers: how many it has.
        query: the number of the query that it is most like, from 0.
        score: rounded to 6 decimals, so that equal molecules have equal scores.
        by_term: the likeness in each term.
        rotation: R of x ↦ R x + t, row by row.
        translation: t in Å.
        data: the conformer, where making it again would take long.
    """

    position: int
    title: str
    constitution: str
    conformer: int
    conformers: int
    query: int
    score: float
    by_term: tuple[float, ...]
    rotation: tuple[float, ...]
    translation: tuple[float, ...]
    data: Data | None = None


class Failed(NamedTuple):
    """An entry that cannot be scored, and why."""

    position: int
    reason: str


class Outcome(NamedTuple):
    """What becomes of some entries, in their order.

    Attributes:
        results: of each entry, one or several scores, or a failure.
        notes: positions and what may not be read as the library means it.
        charges: where partial charges are from: ``"file"``, ``"computed"`` or both.
    """

    results: list[Scored | Failed]
    notes: list[tuple[int, str]]
    charges: set[str]
