"""The best molecules so far, each at its best conformer."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import NamedTuple

from tg_molfield.compare.screening.scored import Scored
from tg_molfield.structures.library import Entry


class Ranked(NamedTuple):
    """A scored entry and the entry itself."""

    scored: Scored
    entry: Entry

    @property
    def key(self) -> tuple[float, int, int]:
        """Greater is better; of equal scores, the one that comes first in the library."""
        return self.scored.score, -self.scored.position, -self.scored.conformer

    def __lt__(self, other: tuple[object, ...]) -> bool:
        assert isinstance(other, Ranked)
        return self.key < other.key


class Run(NamedTuple):
    """The molecule that entries in a row are conformers of.

    Attributes:
        title: of all of them.
        constitution: of all of them.
        position: of the last.
        before: the number of conformers of those before the last.
        conformers: of the last.
    """

    title: str
    constitution: str
    position: int
    before: int
    conformers: int

    def followed_by(self, scored: Scored) -> Run | None:
        """The run with another conformer, if it is one of the same molecule."""
        if scored.position == self.position:
            return self
        if not self.title or (scored.title, scored.constitution) != (self.title, self.constitution):
            return None
        return Run(self.title, self.constitution, scored.position, self.before + self.conformers, scored.conformers)


class Ranking:
    """The ``top`` best of the molecules that are added in the order of the library.

    Entries in a row that have the same title, not empty, and the same atoms and bonds are conformers of one molecule.

    Args:
        top: how many are kept.
        each_conformer: keep every conformer, not the best one alone.

    Attributes:
        best: the kept ones as a heap.
        run: the last molecule, of which more conformers may follow.
        open: its best conformer.
    """

    def __init__(self, top: int, each_conformer: bool) -> None:
        self.best: list[Ranked] = []
        self.run: Run | None = None
        self.open: Ranked | None = None
        self._top = top
        self._each = each_conformer

    def __iter__(self) -> Iterator[Ranked]:
        """The kept ones and the open one, in no order."""
        yield from self.best
        if self.open is not None:
            yield self.open

    def add(self, scored: Scored, entry: Entry) -> None:
        """Take another conformer."""
        run = None if self.run is None else self.run.followed_by(scored)
        if run is None:
            self._close()
            run = Run(scored.title, scored.constitution, scored.position, 0, scored.conformers)
        self.run = run
        ranked = Ranked(scored._replace(conformer=run.before + scored.conformer), entry)
        if self._each:
            self._push(ranked)
        elif self.open is None or self.open < ranked:
            self.open = ranked

    def pass_over(self, entry: Entry) -> None:
        """Note an entry that cannot be scored: another molecule, unless it has the title of the last."""
        if self.run is not None and entry.title != self.run.title:
            self._close()
            self.run = None

    def ordered(self) -> list[Ranked]:
        """The best, in falling order."""
        return sorted(self, reverse=True)[: self._top]

    def _close(self) -> None:
        if self.open is not None:
            self._push(self.open)
            self.open = None

    def _push(self, ranked: Ranked) -> None:
        if len(self.best) < self._top:
            heapq.heappush(self.best, ranked)
        elif self.best and self.best[0] < ranked:
            heapq.heapreplace(self.best, ranked)
