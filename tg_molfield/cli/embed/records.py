"""Records of files with the codes of their molecules, and with what the files tell about them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.nn import OutOfDomainWarning
from tg_molfield.parallel import one_thread
from tg_molfield.structures import PROPERTIES, with_properties
from tg_molfield.structures.library import (
    Built,
    Chunk,
    Entry,
    FailedRecord,
    Recipe,
    build_entry,
    fault_of_entry,
    smiles_of_entry,
)

if TYPE_CHECKING:
    from tg_molfield.nn import FieldAutoEncoder


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
        return self.name or self.smiles or self.place

    @property
    def place(self) -> str:
        """Its file and its number there."""
        return f"{self.file}: record {self.record}"

    def failed(self, reason: str) -> FailedRecord:
        """This record, without a code."""
        return FailedRecord(self.file, self.record, self.name, reason)


@dataclass
class Outcome:
    """What becomes of some records.

    Attributes:
        sources: of the molecules that have a code, in their order.
        codes: ``[M, D]``, their codes or summaries.
        outside: why each lies outside the domain of the model, see `Domain.reasons`.
        failed: the other records, by number.
        notes: positions and what may not be read as the files mean it.
        charges: where partial charges are from: ``"file"``, ``"computed"`` or both.
    """

    sources: list[Source] = field(default_factory=list)
    codes: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    outside: list[tuple[str, ...]] = field(default_factory=list)
    failed: dict[int, FailedRecord] = field(default_factory=dict)
    notes: list[tuple[int, str]] = field(default_factory=list)
    charges: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Embedder:
    """Reads and encodes the molecules of chunks; codes do not depend on the process or the number of threads.

    Attributes:
        model: encodes.
        recipe: how records are read.
        batch_size: the most molecules that are encoded at once.
        summary: whether codes are the summaries alone.
        drawn: whether the molecules are to be drawn.
    """

    model: FieldAutoEncoder
    recipe: Recipe
    batch_size: int
    summary: bool
    drawn: bool

    def __call__(self, chunk: Chunk) -> Outcome:
        """What becomes of the records of a chunk."""
        outcome = Outcome()
        sources: list[Source] = []
        molecules: list[Data] = []
        for position, entry in chunk:
            try:
                built = build_entry(entry, self.recipe)
                data = _completed(built.molecules[0], self.recipe.properties)
            except Exception as error:
                reason = fault_of_entry(error)
                outcome.failed[position + 1] = FailedRecord(entry.file, entry.record, entry.title, reason)
                continue
            outcome.notes += [(position, note) for note in built.notes]
            if "partial_charge" in self.recipe.properties:
                outcome.charges.add(_charges(built))
            source = _source(position + 1, entry, built)
            sources.append(source._replace(atoms=data if self.drawn and not source.smiles else None))
            molecules.append(data)
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", OutOfDomainWarning)
            found = self.model.embed(molecules, self.batch_size, errors="skip")
        rows = found.index.tolist()
        outcome.sources = [sources[row] for row in rows]
        outcome.codes = (found.summary if self.summary else found.code).numpy()
        outcome.outside = [found.outside.get(row, ()) for row in rows]
        outcome.failed |= {sources[row].number: sources[row].failed(reason) for row, reason in found.failed.items()}
        return outcome


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
    own = "" if entry.kind == "smiles" else getattr(built.molecules[0], "name", "")
    name = entry.title or (own if isinstance(own, str) else "")
    smiles = smiles_of_entry(entry) or getattr(built.molecules[0], "smiles", "")
    return Source(number, entry.file, entry.record, name, smiles, built.labels)
