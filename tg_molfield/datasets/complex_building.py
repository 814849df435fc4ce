"""Entries of complexes as molecules of a data set."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
from torch_geometric.data import Data

from tg_molfield.compare.interactions.pocket import pocket
from tg_molfield.datasets.building import EntryBuilder
from tg_molfield.datasets.complex_source import ComplexContent
from tg_molfield.datasets.labels import label_values, named_values
from tg_molfield.datasets.molecule_building import computed_names
from tg_molfield.files import format_suffix
from tg_molfield.structures.build import float_dtype
from tg_molfield.structures.complexes import join_complex, read_protein, split_residue
from tg_molfield.structures.formats.registry import FORMATS
from tg_molfield.structures.library import Entry, Recipe, build_entry, smiles_of_entry
from tg_molfield.structures.reading import no_bonds, read
from tg_molfield.structures.structure_warnings import StructureWarning

_NO_RESIDUES = (
    "protein: expected residues to cut the pocket by, got a format without them; single atoms were kept, convert it to "
    "PDB or mmCIF"
)


@dataclass(frozen=True)
class ComplexBuilder(EntryBuilder):
    """Joins proteins and their ligands.

    Attributes:
        recipe: how ligands are read.
        labels: numbers that become ``y``.
        pocket: the distance in Å from the ligand up to which residues are kept; None to keep all.
        waters: as in `read_complex`.
        hetero: as in `read_complex`.
    """

    recipe: Recipe = field(default_factory=Recipe)
    labels: tuple[str, ...] = ()
    pocket: float | None = None
    waters: bool = False
    hetero: bool = False
    kind: ClassVar[str] = "complexes"

    @property
    def options(self) -> dict[str, str]:
        """The options that molecules depend on, by name."""
        return {
            "properties": computed_names(self.recipe),
            "labels": ", ".join(self.labels),
            "dtype": str(float_dtype(self.recipe.dtype)),
            "dimension": str(self.recipe.dimension),
            "pocket": str(self.pocket),
            "waters": str(self.waters),
            "hetero": str(self.hetero),
        }

    def molecules(self, entry: Entry, notes: list[str]) -> list[Data]:
        """The complex of an entry."""
        if entry.kind == "failed":
            raise ValueError(entry.content)
        notes += entry.notes
        content: ComplexContent = entry.content
        try:
            with _noted(notes, content.protein):
                data = self._joined(content, notes)
                if self.pocket is not None:
                    if "residue_number" not in data:
                        notes.append(_NO_RESIDUES)
                    data = pocket(data, self.pocket)
        except ValueError as error:
            raise ValueError(str(error).replace(str(content.protein), content.protein.name)) from error
        data.name, data.protein = entry.title, content.place
        values = dict(entry.values)
        if isinstance(content.ligand, Entry):
            values = {**named_values(content.ligand), **values}
            if smiles := smiles_of_entry(content.ligand):
                data.smiles = smiles
        if self.labels:
            data.y = label_values(self.labels, values, data.pos.dtype, notes)
        return [data]

    def _joined(self, content: ComplexContent, notes: list[str]) -> Data:
        path, ligand, dtype = content.protein, content.ligand, float_dtype(self.recipe.dtype)
        properties = self.recipe.properties
        if properties and not (FORMATS[format_suffix(path)].has_bonds and isinstance(ligand, Entry)):
            raise ValueError(f"protein: {no_bonds(path, 'properties')}")
        if isinstance(ligand, str):
            return join_complex(*split_residue(path, ligand, dtype, self.waters, self.hetero), dtype, path.name, ligand)
        state = path.stat()
        host, told = _protein(
            path, (state.st_size, state.st_mtime_ns), dtype, self.waters, self.hetero, self.recipe.properties
        )
        notes += told
        built = build_entry(ligand, self.recipe)
        notes += built.notes
        if missing := [name for name in properties if name not in built.molecules[0]]:
            raise ValueError(f"ligand: expected a format with bonds for {missing[0]}, got {ligand.file}; convert it")
        return join_complex(built.molecules[0], host, dtype, path.name, "ligand")


@lru_cache(maxsize=2)
def _protein(
    path: Path,
    state: tuple[int, int],
    dtype: torch.dtype,
    waters: bool,
    hetero: bool,
    properties: tuple[str, ...],
) -> tuple[Data, tuple[str, ...]]:
    """The protein of a file, and what may not be read as the file means it; ``state`` tells a changed file."""
    notes: list[str] = []
    with _noted(notes, path):
        source = _only(read(path, dtype=dtype, properties=properties), path) if properties else path
        return read_protein(source, dtype, waters, hetero), tuple(notes)


def _only(records: list[Data], path: Path) -> Data:
    if len(records) != 1:
        raise ValueError(f"{path.name}: expected 1 record as protein, got {len(records)}; give one of them")
    return records[0]


@contextmanager
def _noted(notes: list[str], path: Path) -> Iterator[None]:
    """Take the warnings about a structure as notes, without the path."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        if isinstance(warning.message, StructureWarning):
            notes.append(str(warning.message).removeprefix(f"{path}: "))
        else:
            warnings.warn(warning.message, stacklevel=3)
