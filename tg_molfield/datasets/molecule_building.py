"""Entries of tables, structure files and lists as molecules."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.chem.validation import check_atoms
from tg_molfield.datasets.building import EntryBuilder
from tg_molfield.datasets.labels import label_values, named_values
from tg_molfield.datasets.packing import STORABLE
from tg_molfield.structures import with_properties
from tg_molfield.structures.keys import KEYS, validate
from tg_molfield.structures.library import Entry, Recipe, build_entry, smiles_of_entry


@dataclass(frozen=True)
class MoleculeBuilder(EntryBuilder):
    """Builds the molecules of entries.

    Attributes:
        recipe: how entries are read; its ``dtype`` None leaves that of a given ``Data``.
        labels: numbers that become ``y``.
    """

    recipe: Recipe = field(default_factory=Recipe)
    labels: tuple[str, ...] = ()
    kind: ClassVar[str] = "molecules"

    @property
    def options(self) -> dict[str, str]:
        """The options that molecules depend on, by name."""
        recipe = self.recipe
        return {
            "properties": computed_names(recipe),
            "labels": ", ".join(self.labels),
            "dtype": str(recipe.dtype),
            "dimension": str(recipe.dimension),
            "conformers": f"{recipe.conformers} with seed {recipe.seed} in {recipe.timeout:g} s",
        }

    def molecules(self, entry: Entry, notes: list[str]) -> list[Data]:
        """The conformers of an entry."""
        built = build_entry(entry, self.recipe)
        notes += built.notes
        smiles = smiles_of_entry(entry)
        return [self._completed(data, entry, smiles, notes) for data in built.molecules]

    def _completed(self, data: Data, entry: Entry, smiles: str, notes: list[str]) -> Data:
        data = copy.copy(data)
        if entry.kind == "data":
            _convert_numbers(data, self.recipe.dtype)
            storable = [name for name, value in data.to_dict().items() if isinstance(value, STORABLE)]
            check_atoms(validate(data, storable).z, data.pos)
            missing = [name for name in self.recipe.properties if name not in data]
            color = self.recipe.color and "color_pos" not in data
            data = with_properties(data, missing, color=color) if missing or color else data
            for name, value in data.to_dict().items():
                if isinstance(value, Tensor) and value.is_floating_point() and self.recipe.dtype is not None:
                    data[name] = value.to(self.recipe.dtype)
        if not isinstance(getattr(data, "name", None), str):
            data.name = entry.title or default_name(entry)
        if smiles:
            data.smiles = smiles
        if self.labels:
            data.y = label_values(self.labels, named_values(entry, data), data.pos.dtype, notes)
        return data


def _convert_numbers(data: Data, dtype: torch.dtype | None) -> None:
    """Make tensors [1] of plain numbers where attributes are such, as of ``energy=-1.5``."""
    pos = getattr(data, "pos", None)
    floating = dtype or (pos.dtype if isinstance(pos, Tensor) and pos.is_floating_point() else None)
    for name, value in data.to_dict().items():
        key = KEYS.get(name)
        if key is None or key.shape != (1,) or isinstance(value, bool):
            continue
        if isinstance(value, int | np.integer) or (isinstance(value, float | np.floating) and key.kind == "float"):
            data[name] = torch.tensor([value], dtype=floating if key.kind == "float" else torch.long)


def computed_names(recipe: Recipe) -> str:
    """The properties that are computed."""
    return ", ".join([*recipe.properties, *(("color",) if recipe.color else ())])


def default_name(entry: Entry) -> str:
    """What a molecule without a title is called: after its file and its record there."""
    stem = PurePath(entry.file.removesuffix(".gz")).stem or "molecule"
    return stem if entry.file and entry.record == 1 else f"{stem} {entry.record}"
