"""`Hits`: the molecules of a library that are most like the query, and what could not be read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import compress, islice
from pathlib import Path

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.arguments import as_index
from tg_molfield.compare.alignment.result import Alignment, moved
from tg_molfield.compare.cards import alignment_card
from tg_molfield.compare.scoring import Scoring
from tg_molfield.compare.screening.ranking import Ranked
from tg_molfield.display.card import card
from tg_molfield.files import atomic_write
from tg_molfield.structures.library import Entry, Recipe, build_entry, smiles_of_entry, write_sdf
from tg_molfield.structures.library.problems import FailedRecord

Row = tuple[str | int | float, ...]

_SHOWN = 20
"""Hits that a notebook shows."""


@dataclass(frozen=True)
class Hit:
    """A molecule of a library, laid on the query.

    Attributes:
        rank: from 1, the best.
        title: its name in the library, may be empty.
        file: the name of its file, empty for molecules from an iterable.
        record: the number of its record there, from 1.
        conformer: which conformer of the molecule it is, from 1.
        query: which of the queries it is laid on, from 0.
        alignment: the score, the rotation and translation, and the moved molecule.
        entry: the molecule as it is in the library.
    """

    rank: int
    title: str
    file: str
    record: int
    conformer: int
    query: int
    alignment: Alignment
    entry: Entry = field(repr=False)

    def _repr_html_(self) -> str:
        facts = {
            "rank": self.rank,
            "title": self.name,
            "file": f"{self.file}, record {self.record}" if self.file else f"record {self.record}",
            "conformer": self.conformer,
            "query": self.query + 1,
        }
        return alignment_card(self.alignment, facts, "Hit")

    @property
    def name(self) -> str:
        """Its title, else its SMILES, given or of the bonds in its file; empty where there are neither."""
        return self.title or smiles_of_entry(self.entry)

    @property
    def score(self) -> float:
        """The weighted mean of the terms, 1 for equal fields."""
        return self.alignment.score

    @property
    def by_term(self) -> dict[str, float]:
        """The likeness in each term."""
        return self.alignment.by_term

    @property
    def moved(self) -> Data:
        """The molecule where it lies on the query."""
        assert self.alignment.moved is not None
        return self.alignment.moved


@dataclass(frozen=True, repr=False)
class Hits:
    """The best molecules of a library, in falling order of their scores.

    Attributes:
        hits: the molecules.
        names: the terms of the scores.
        records: the number of records in the library.
        failed: records that could not be scored, at most the first 1000.
        failed_count: the number of all of these.
        charges: where partial charges of the library are from, if they were compared: ``"file"``, ``"computed"``
            (Gasteiger) or both.
    """

    hits: tuple[Hit, ...]
    names: tuple[str, ...]
    records: int
    failed: tuple[FailedRecord, ...]
    failed_count: int
    charges: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        best = f", the best {self.hits[0].name!r} with {self.hits[0].score:.4f}" if self.hits else ""
        failed = f", {self.failed_count} of them not readable" if self.failed_count else ""
        return f"Hits({len(self)} of {self.records} records{failed}{best})"

    def _repr_html_(self) -> str:
        failed = f", {self.failed_count} not readable" if self.failed_count else ""
        facts = {"hits": f"{len(self)} of {self.records} records{failed}", "compared": ", ".join(self.names)}
        table = (self.headers(brief=True), list(islice(self.rows(brief=True), _SHOWN))) if self.hits else None
        return card("Hits", facts, table=table)

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __getitem__(self, index: int) -> Hit:
        return self.hits[as_index("index", index)]

    @property
    def score(self) -> Tensor:
        """The scores [K], float64."""
        return torch.tensor([hit.score for hit in self.hits], dtype=torch.float64)

    def headers(self, brief: bool = False) -> tuple[str, ...]:
        """The names of the columns of `rows`."""
        return tuple(map(str, next(self._table(brief))))

    def rows(self, brief: bool = False) -> Iterator[Row]:
        """One row for each hit, with its `Hit.name` as title; records, conformers and queries are counted from 1.

        Args:
            brief: leave out file, conformer and query where they are the same for all.
        """
        yield from islice(self._table(brief), 1, None)

    def _table(self, brief: bool) -> Iterator[Row]:
        same = {
            "file": len({hit.file for hit in self.hits}) < 2,
            "conformer": len({hit.conformer for hit in self.hits}) < 2,
            "query": len({hit.query for hit in self.hits}) < 2,
        }
        terms = self.names if len(self.names) > 1 else ()
        names = ("rank", "title", "file", "record", "conformer", "query", "score", *terms)
        kept = [not (brief and same.get(name, False)) for name in names]
        yield tuple(compress(names, kept))
        for hit in self.hits:
            places = (hit.file, hit.record, hit.conformer, hit.query + 1)
            yield tuple(
                compress((hit.rank, hit.name, *places, hit.score, *(hit.by_term[name] for name in terms)), kept)
            )

    def to_csv(self, path: str | Path) -> None:
        """Write the table of hits as CSV.

        Raises:
            OSError: the file cannot be written.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.headers())
        for row in self.rows():
            writer.writerow(f"{value:.6f}" if isinstance(value, float) else value for value in row)
        with atomic_write(path) as stream:
            stream.write(text.getvalue().encode())

    def to_sdf(self, path: str | Path) -> None:
        """Write the hits, best first, where they lie on the query.

        Bonds, charges and tags are those of the library; those of a ``Data`` are perceived. The columns of the table
        are added as tags ``tg_molfield_rank``, ``tg_molfield_score``, ….

        Raises:
            OSError: the file cannot be written.

        Warns:
            StructureWarning: bonds could not be perceived.
        """
        names = [f"tg_molfield_{name.replace(' ', '_')}" for name in self.headers()]
        write_sdf(
            path,
            (
                (hit.entry, hit.moved, {name: _text(value) for name, value in zip(names, row, strict=True)})
                for hit, row in zip(self.hits, self.rows(), strict=True)
            ),
        )


def make_hit(rank: int, ranked: Ranked, scoring: Scoring, recipe: Recipe) -> Hit:
    """The hit of a ranked entry."""
    scored, entry = ranked.scored, ranked.entry
    data = scored.data
    if data is None:
        (one,) = build_entry(entry, recipe).molecules
        data = scoring.prepared(one)
    rotation = torch.tensor(scored.rotation, dtype=torch.float64).view(3, 3)
    translation = torch.tensor(scored.translation, dtype=torch.float64)
    by_term = dict(zip(scoring.measure.names, scored.by_term, strict=True))
    pose = Alignment(scored.score, by_term, rotation, translation)
    found = Alignment(scored.score, by_term, rotation, translation, moved(data, pose))
    return Hit(rank, entry.title, entry.file, entry.record, scored.conformer, scored.query, found, entry)


def _text(value: str | int | float) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)
