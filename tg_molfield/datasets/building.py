"""Entries of a source as molecules of a data set."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.chem.validation import check_atoms
from tg_molfield.structures import with_properties
from tg_molfield.structures.formats.sdf import sdf_tags
from tg_molfield.structures.keys import validate
from tg_molfield.structures.library import Entry, Recipe, build_entry, fault_of_entry, smiles_of_entry
from tg_molfield.text_numbers import parse_number

_SMILES_AT_ONCE, _RECORDS_AT_ONCE, _CHARACTERS_AT_ONCE = 32, 256, 2**24
"""What is built and kept at a time; fewer where conformers are made or records are large."""

_UNKNOWN = frozenset(("", "na", "n/a", "nan", "none", "null", "-"))

Chunk = list[tuple[int, Entry]]
"""Entries with their positions in the source."""


@dataclass(frozen=True)
class Outcome:
    """What becomes of one entry.

    Attributes:
        molecules: its conformers.
        fault: what is wrong, or an empty text.
        notes: what may not be read as its source means it.
    """

    molecules: list[Data] = field(default_factory=list)
    fault: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Builder:
    """Builds the molecules of chunks.

    Attributes:
        recipe: how entries are read; its ``dtype`` None leaves that of a given ``Data``.
        labels: numbers that become ``y``.
    """

    recipe: Recipe
    labels: tuple[str, ...] = ()

    def __call__(self, chunk: Chunk) -> list[Outcome]:
        """What becomes of each entry of a chunk."""
        return [self._outcome(entry) for _, entry in chunk]

    def _outcome(self, entry: Entry) -> Outcome:
        try:
            built = build_entry(entry, self.recipe)
            notes = list(built.notes)
            smiles = smiles_of_entry(entry)
            return Outcome([self._completed(data, entry, smiles, notes) for data in built.molecules], "", notes)
        except Exception as error:
            return Outcome(fault=fault_of_entry(error))

    def _completed(self, data: Data, entry: Entry, smiles: str, notes: list[str]) -> Data:
        data = copy.copy(data)
        if entry.kind == "data":
            check_atoms(validate(data).z, data.pos)
            missing = [name for name in self.recipe.properties if name not in data]
            color = self.recipe.color and "color_pos" not in data
            data = with_properties(data, missing, color=color) if missing or color else data
            for name, value in data.to_dict().items():
                if isinstance(value, Tensor) and value.is_floating_point() and self.recipe.dtype is not None:
                    data[name] = value.to(self.recipe.dtype)
        if not isinstance(getattr(data, "name", None), str):
            data.name = entry.title or _default_name(entry)
        if smiles:
            data.smiles = smiles
        if self.labels:
            data.y = _label_values(self.labels, _found_labels(entry, data), data.pos.dtype, notes)
        return data


def chunked(entries: Iterator[tuple[int, Entry]]) -> Iterator[Chunk]:
    """Entries in chunks that depend on their content alone."""
    while first := next(entries, None):
        chunk = [first]
        limit = _SMILES_AT_ONCE if first[1].kind == "smiles" else _RECORDS_AT_ONCE
        characters = _size(first[1])
        while len(chunk) < limit and characters < _CHARACTERS_AT_ONCE and (following := next(entries, None)):
            chunk.append(following)
            characters += _size(following[1])
        yield chunk


def place(chunk: Chunk) -> str:
    """What a chunk is called in messages."""
    return f"the records {chunk[0][1].record} to {chunk[-1][1].record}"


def _default_name(entry: Entry) -> str:
    stem = PurePath(entry.file.removesuffix(".gz")).stem or "molecule"
    return stem if entry.file and entry.record == 1 else f"{stem} {entry.record}"


def _size(entry: Entry) -> int:
    return len(entry.content) if isinstance(entry.content, str) else 0


def _found_labels(entry: Entry, data: Data) -> Mapping[str, Any]:
    if entry.kind in (".sdf", ".mol"):
        return {**sdf_tags(entry.content), **entry.values}
    return {**entry.values, **data.to_dict()} if entry.kind == "data" else entry.values


def _label_values(names: tuple[str, ...], found: Mapping[str, Any], dtype: torch.dtype, notes: list[str]) -> Tensor:
    """The labels [1, L], NaN for those that are not known."""
    values = []
    for name in names:
        value = found.get(name, "")
        known = not (isinstance(value, str) and value.strip().lower() in _UNKNOWN)
        values.append(_number(name, value, dtype) if known else math.nan)
        if not known:
            notes.append(f"label {name!r}: expected a number, got none; complete the record, y has NaN for it")
    return torch.tensor([values], dtype=torch.float64).to(dtype)


def _number(name: str, value: Any, dtype: torch.dtype) -> float:
    try:
        if isinstance(value, Tensor):
            number = float(value.reshape(()))
        else:
            number = parse_number(value.strip()) if isinstance(value, str) else float(value)
    except (ValueError, TypeError, RuntimeError) as error:
        shown = f"a tensor {list(value.shape)}" if isinstance(value, Tensor) else repr(str(value)[:40])
        raise ValueError(f"label {name!r}: expected a number, got {shown}; leave it out of labels") from error
    if not abs(number) <= torch.finfo(dtype).max:
        raise ValueError(
            f"label {name!r}: expected a finite number within the range of {dtype}, got {number}; correct the record"
        )
    return number
