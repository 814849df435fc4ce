"""What is known of a library while it is screened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tg_molfield.compare.screening.ranking import Ranking
from tg_molfield.compare.screening.scored import Failed, Outcome
from tg_molfield.structures.library import Chunk, Problems


class ScreenProgress(NamedTuple):
    """How far a screen is.

    Attributes:
        records: the records that are done.
        failed: how many of them could not be scored.
        done: the share of the library that has been read, from 0 to 1; None where its size is not known.
        best: the best score so far; None before the first.
    """

    records: int
    failed: int
    done: float | None
    best: float | None


@dataclass
class State:
    """The state of a screen after some records.

    Attributes:
        ranking: the best.
        records: the number of records that are done.
        problems: what went wrong.
    """

    ranking: Ranking
    records: int = 0
    problems: Problems = field(default_factory=Problems)

    def take(self, chunk: Chunk, outcome: Outcome) -> None:
        """Take what becomes of the next records."""
        entries = dict(chunk)
        for position, note in outcome.notes:
            self.problems.note(entries[position], note)
        self.problems.charges |= outcome.charges
        for result in outcome.results:
            entry = entries[result.position]
            if isinstance(result, Failed):
                self.problems.fail(entry, result.reason)
                self.ranking.pass_over(entry)
            else:
                self.ranking.add(result, entry)
        self.records += len(chunk)

    def progress(self, done: float | None) -> ScreenProgress:
        """How far the screen is."""
        best = max((ranked.scored.score for ranked in self.ranking), default=None)
        return ScreenProgress(self.records, self.problems.count, done, best)
