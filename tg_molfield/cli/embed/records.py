"""The molecules of files, with what the files tell about them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch_geometric.data import Data

from tg_molfield.structures import PROPERTIES, with_properties
from tg_molfield.structures.library import (
    Built,
    Entry,
    FailedRecord,
    Library,
    Problems,
    Recipe,
    build_entry,
    fault_of_entry,
    smiles_of_entry,
)


class Source(NamedTuple):
    """Where a molecule is from, and what is told about it there.

    Attributes:
        number: of its record among those of all files, from 1.
        file: the name of the file.
        record: its number there, from 1.
        name: its title, may be empty.
        smiles: its SMILES, empty where its bonds are not known.
        labels: its named values.
        atoms: its atoms where it is to be drawn without a SMILES.
    """

    number: int
    file: str
    record: int
    name: str
    smiles: str
    labels: Mapping[str, str]
    atoms: Data | None = None

    @property
    def title(self) -> str:
        """Its name, else its SMILES, else its place."""
        return self.name or self.smiles or f"{self.file}: record {self.record}"

    def failed(self, reason: str) -> FailedRecord:
        """This record, without a code."""
        return FailedRecord(self.file, self.record, self.name, reason)


@dataclass
class Records:
    """The readable molecules of a library, one after the other, each with a source.

    Attributes:
        library: the files.
        recipe: how they are read.
        drawn: whether the molecules are to be drawn.
        sources: of each molecule that was given.
        failed: the records that could not be read, by number.
        problems: the notes.
        count: the records so far.
    """

    library: Library
    recipe: Recipe
    drawn: bool = False
    sources: list[Source] = field(default_factory=list)
    failed: dict[int, FailedRecord] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)
    count: int = 0

    def __iter__(self) -> Iterator[Data]:
        """The molecules; their names tell where they are from."""
        for entry in self.library:
            self.count += 1
            try:
                built = build_entry(entry, self.recipe)
                data = _completed(built.molecules[0], self.recipe.properties)
            except Exception as error:
                reason = fault_of_entry(error)
                self.failed[self.count] = FailedRecord(entry.file, entry.record, entry.title, reason)
                continue
            for note in built.notes:
                self.problems.note(entry, note)
            if "partial_charge" in self.recipe.properties:
                self.problems.charges.add(_charges(built))
            source = _source(self.count, entry, built)
            self.sources.append(source._replace(atoms=data if self.drawn and not source.smiles else None))
            data.name = f"{entry.file}: record {entry.record}"
            yield data


def recipe_of(properties: tuple[str, ...], seed: int | None, timeout: float | None, dimension: int | None) -> Recipe:
    """How molecules are read for a model that reads ``properties`` of their atoms; None is the default of an option."""
    given = {"seed": seed, "timeout": timeout, "dimension": dimension}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return Recipe(tuple(name for name in properties if name in PROPERTIES), dtype=torch.float64, **options)


def _completed(data: Data, properties: tuple[str, ...]) -> Data:
    missing = [name for name in properties if name not in data]
    return with_properties(data, missing) if missing else data


def _charges(built: Built) -> str:
    given = "partial_charge" in built.molecules[0] and "partial_charge" not in built.computed
    return "file" if given else "computed"


def _source(number: int, entry: Entry, built: Built) -> Source:
    labels = {sys.intern(name): value for name, value in built.labels.items()}
    own = "" if entry.kind == "smiles" else getattr(built.molecules[0], "name", "")
    name = entry.title or (own if isinstance(own, str) else "")
    return Source(number, sys.intern(entry.file), entry.record, name, smiles_of_entry(entry), labels)
