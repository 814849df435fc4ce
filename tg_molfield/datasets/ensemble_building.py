"""Frames of ensembles and trajectories as molecules of a data set."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.chem.validation import check_atoms
from tg_molfield.datasets.building import EntryBuilder
from tg_molfield.datasets.labels import label_values, named_values
from tg_molfield.datasets.molecule_building import computed_names
from tg_molfield.structures import to_rdkit, with_properties
from tg_molfield.structures.build import float_dtype
from tg_molfield.structures.color import compute_color
from tg_molfield.structures.keys import validate
from tg_molfield.structures.library import Entry, Recipe, build_entry, smiles_of_entry
from tg_molfield.structures.trajectories import WholeFrames
from tg_molfield.structures.unwrapped import unwrapped


class FirstFrame:
    """What all frames of a file share with the first.

    Args:
        data: the first frame.
        recipe: what is computed.
        whole: make periodic molecules whole.
    """

    def __init__(self, data: Data, recipe: Recipe, whole: bool) -> None:
        self._data, self._recipe = data, recipe
        self._whole = WholeFrames(data) if whole else None

    def completed(self, data: Data) -> Data:
        """A frame with whole molecules, and with the properties that bonds give, which are those of the first frame.

        Raises:
            ValueError: it has other atoms, or bonds cannot be perceived.
        """
        first = self._data
        if len(data.z) != len(first.z):
            raise ValueError(
                f"z: expected the {len(first.z)} atoms of the first frame, got {len(data.z)}; take other molecules by "
                "MoleculeFields"
            )
        if not torch.equal(data.z, first.z):
            atom = int((data.z != first.z).nonzero()[0])
            raise ValueError(
                f"z: expected the atoms of the first frame in their order, got another element for atom {atom}; take "
                "other molecules by MoleculeFields"
            )
        data = data if self._whole is None else self._whole(data)
        missing = [name for name in self._recipe.properties if name not in data]
        for name in missing:
            data[name] = self._properties[name].to(data.pos.dtype)
        if self._recipe.color and "color_pos" not in data:
            whole = unwrapped(data) if self._whole is None else data
            for name, values in compute_color(self._mol, whole.pos.double().numpy()).items():
                tensor = torch.as_tensor(values)
                data[name] = tensor.to(data.pos.dtype) if tensor.is_floating_point() else tensor
        return data

    @cached_property
    def _properties(self) -> Data:
        return with_properties(self._data, [name for name in self._recipe.properties if name not in self._data])

    @cached_property
    def _mol(self) -> Any:
        return to_rdkit(self._data)


class FrameContent(NamedTuple):
    """What an entry of a frame holds.

    Attributes:
        entry: the frame, as a ``Data`` or as the text of a record.
        frame: its number in its file, from 0.
        trajectory: the number of the file, from 0.
        first: the first sound frame of the file; None where there is none up to this one, which fails then.
    """

    entry: Entry
    frame: int
    trajectory: int
    first: FirstFrame | None


@dataclass(frozen=True)
class FrameBuilder(EntryBuilder):
    """Builds the frames of entries.

    Attributes:
        recipe: how records are read.
        labels: numbers that become ``y``.
        selection: the atoms that are kept of trajectories.
        start: the first frame of each file.
        stop: the frame before which each file ends, or None.
        stride: the step between frames.
        whole: whether periodic molecules are made whole.
    """

    recipe: Recipe = field(default_factory=Recipe)
    labels: tuple[str, ...] = ()
    selection: str = "all"
    start: int = 0
    stop: int | None = None
    stride: int = 1
    whole: bool = True
    kind: ClassVar[str] = "frames"

    @property
    def options(self) -> dict[str, str]:
        """The options that molecules depend on, by name."""
        return {
            "properties": computed_names(self.recipe),
            "labels": ", ".join(self.labels),
            "dtype": str(float_dtype(self.recipe.dtype)),
            "dimension": str(self.recipe.dimension),
            "selection": self.selection,
            "frames": f"{self.start}:{'' if self.stop is None else self.stop}:{self.stride}",
            "whole": str(self.whole),
        }

    def molecules(self, entry: Entry, notes: list[str]) -> list[Data]:
        """The frame of an entry."""
        if entry.kind == "failed":
            raise ValueError(entry.content)
        content: FrameContent = entry.content
        built = build_entry(content.entry, self.recipe)
        notes += built.notes
        data = copy.copy(built.molecules[0])
        check_atoms(validate(data).z, data.pos)
        assert content.first is not None
        data = content.first.completed(data)
        for name, value in data.to_dict().items():
            if isinstance(value, Tensor) and value.is_floating_point() and name != "time":
                data[name] = value.to(float_dtype(self.recipe.dtype))
        stem = PurePath(entry.file.removesuffix(".gz")).stem
        if not isinstance(getattr(data, "name", None), str) or not data.name:
            data.name = entry.title or f"{stem} frame {content.frame}"
        if smiles := smiles_of_entry(content.entry):
            data.smiles = smiles
        if self.labels:
            data.y = label_values(self.labels, named_values(content.entry, data), data.pos.dtype, notes)
        data.frame, data.trajectory = content.frame, content.trajectory
        return [data]
