"""`DataSetLibrary`: the molecules of a data set as the records of a library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch_geometric.data import Data

from tg_molfield.cli.data_sets.opening import opened
from tg_molfield.datasets.store import store_path
from tg_molfield.structures.library import Entry, Library


class DataSetLibrary(Library):
    """The molecules of a data set, with its labels as named values.

    Args:
        folder: of the data set.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not complete, or of a kind that is not known.
    """

    def __init__(self, folder: Path) -> None:
        self._dataset = opened(folder)
        super().__init__(self._dataset)
        self._name = folder.name

    def __iter__(self) -> Iterator[Entry]:
        """The molecules; records are counted from 1."""
        for index in range(len(self._dataset)):
            data = self._dataset[index]
            self.done = (index + 1) / len(self._dataset)
            yield Entry(self._name, index + 1, data.name, "data", data, values=self._labels_of(data))

    def description(self) -> list[list[Any]]:
        """What tells this data set from another, as for files."""
        state = store_path(Path(self._dataset.root)).stat()
        return [[self._name, state.st_size, state.st_mtime_ns]]

    def _labels_of(self, data: Data) -> dict[str, str]:
        if not self._dataset.labels:
            return {}
        values = map(str, data.y.flatten().numpy())  # the shortest text of each that is read as the same number
        return {name: "" if text == "nan" else text for name, text in zip(self._dataset.labels, values, strict=True)}
