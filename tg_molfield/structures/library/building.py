"""Entries of a library as ``Data``, with what warnings there are."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch_geometric.data import Data

from tg_molfield.files import NO_FAULTS, fault_message, shortened
from tg_molfield.structures.formats.records import ReadOptions, check_dimension
from tg_molfield.structures.formats.registry import FORMATS
from tg_molfield.structures.library.entries import Entry
from tg_molfield.structures.smiles import checked_embedding, from_smiles
from tg_molfield.structures.structure_warnings import StructureWarning


@dataclass(frozen=True)
class Recipe:
    """How molecules of a library are read.

    Attributes:
        properties: per-atom properties to compute from the bonds of the entry.
        color: whether to add the pharmacophore features.
        dtype: floating type of the result.
        dimension: as in ``read``.
        conformers: conformers made of each SMILES.
        seed: of the conformers.
        timeout: seconds for the conformers of one SMILES.

    Raises:
        ValueError: a number is out of range.
    """

    properties: tuple[str, ...] = ()
    color: bool = False
    dtype: torch.dtype | None = None
    dimension: Literal[3] | None = None
    conformers: int = 1
    seed: int = 0
    timeout: float = 20.0

    def __post_init__(self) -> None:
        check_dimension(self.dimension)
        numbers = checked_embedding(self.conformers, self.seed, self.timeout)
        for name, number in zip(("conformers", "seed", "timeout"), numbers, strict=True):
            object.__setattr__(self, name, number)


@dataclass(frozen=True)
class Built:
    """A molecule of a library.

    Attributes:
        molecules: its conformers.
        notes: what may not be read as its source means it, without its name, as in `Record`.
        computed: names of the properties that the source does not give.
        labels: the named values of the source as text, such as SDF tags or the other columns of a table.
    """

    molecules: list[Data]
    notes: list[str] = field(default_factory=list)
    computed: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)


def build_entry(entry: Entry, recipe: Recipe) -> Built:
    """The molecule of an entry.

    Raises:
        ValueError: it is not valid.
        TimeoutError: there are no conformers in time.
    """
    if entry.kind == "failed":
        raise ValueError(entry.content)
    if entry.kind == "data":
        return Built([entry.content], list(entry.notes), labels=entry.values)
    if entry.kind == "smiles":
        return _embedded(entry, recipe)
    make = FORMATS[entry.kind].record
    assert make is not None
    dimension = recipe.dimension if FORMATS[entry.kind].has_drawings else None
    record = make(entry.content, ReadOptions(recipe.dtype, recipe.properties or None, (), dimension, recipe.color))
    data = record.build()
    return Built([data], list(dict.fromkeys(record.notes)), frozenset(record.computed), record.labels)


def fault_of_entry(error: Exception) -> str:
    """What is wrong with an entry, from the exception of `build_entry`; others than faults of the entry are raised."""
    if isinstance(error, TimeoutError | ChildProcessError):
        return shortened(str(error), 500)
    if isinstance(error, NO_FAULTS):
        raise error
    return fault_message(error)


def _embedded(entry: Entry, recipe: Recipe) -> Built:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = from_smiles(
            entry.content,
            recipe.conformers,
            recipe.seed,
            recipe.dtype,
            recipe.properties,
            recipe.timeout,
            recipe.color,
        )
    for other in caught:
        if not isinstance(other.message, StructureWarning):
            warnings.warn(other.message, stacklevel=2)
    molecules = [found] if isinstance(found, Data) else found
    for data in molecules:
        data.name = entry.title or data.name
    notes = [
        re.sub(r"^smiles: '.*?': ", "smiles: ", str(warning.message))
        for warning in caught
        if isinstance(warning.message, StructureWarning)
    ]
    return Built(molecules, notes, frozenset(recipe.properties), entry.values)
