"""What is in a structure file or a table of SMILES, read record by record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import torch
from torch_geometric.data import Data

from tg_molfield.cli.info.facts import Facts, cell_text, counted, elements_text, periodic_text
from tg_molfield.files import NO_FAULTS, fault_message, format_suffix
from tg_molfield.structures.library import TABLES, Entry, Library, Recipe, build_entry, fault_of_entry
from tg_molfield.structures.smiles import parse_smiles
from tg_molfield.structures.trajectories import ASE, AseTrajectory

_FAULTS = 3
_LABELS = 1000
"""Names that are counted; others are only told of."""


def structure_facts(path: Path, progress: Callable[[str, float | None], None]) -> Facts:
    """Records, atoms, elements, named values and cells.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no file of its format.
    """
    found = _Found()
    for entry, done in _entries(path):
        found.take(entry)
        progress(f"{found.records:,} records", done)
    kind = "table of SMILES" if format_suffix(path) in TABLES else "structures"
    return {"kind": f"{kind} ({format_suffix(path)})", **found.facts()}


def _entries(path: Path) -> Iterator[tuple[Entry, float | None]]:
    """The records of a file, with the share that has been read; trajectories of ASE frame by frame."""
    suffix = format_suffix(path)
    if suffix == ASE:
        with closing(AseTrajectory(path, whole=False, dtype=torch.float64)) as trajectory:
            for index in range(len(trajectory)):
                yield _entry(path, index + 1, partial(trajectory.frame, index)), (index + 1) / len(trajectory)
            if trajectory.damage:
                yield Entry(path.name, len(trajectory) + 1, "", "failed", trajectory.damage), 1.0
    else:
        library = Library(path, dtype=torch.float64)
        for entry in library:
            yield entry, library.done


def _entry(path: Path, number: int, make: Callable[[], Data]) -> Entry:
    try:
        return Entry(path.name, number, "", "data", make())
    except NO_FAULTS:
        raise
    except Exception as error:
        return Entry(path.name, number, "", "failed", fault_message(error))


class _Found:
    def __init__(self) -> None:
        self.records = 0
        self.faults: list[str] = []
        self.failed = 0
        self.sizes: Counter[int] = Counter()
        self.elements: Counter[int] = Counter()
        self.labels: Counter[str] = Counter()
        self.attributes: Counter[str] = Counter()
        self.cells = 0
        self.cell = ""

    def take(self, entry: Entry) -> None:
        """Count a record."""
        self.records += 1
        try:
            if entry.kind == "smiles":
                numbers = [atom.GetAtomicNum() for atom in parse_smiles(entry.content).GetAtoms()]
                labels = entry.values
            else:
                built = build_entry(entry, Recipe(dtype=torch.float64))
                data, labels = built.molecules[0], built.labels
                numbers = data.z.tolist()
                self._attributes(data)
        except Exception as error:
            self.failed += 1
            if len(self.faults) < _FAULTS:
                self.faults.append(f"record {entry.record}: {fault_of_entry(error)}")
            return
        self.sizes[len(numbers)] += 1
        self.elements.update(numbers)
        self.labels.update(name for name in labels if name in self.labels or len(self.labels) < _LABELS)

    def facts(self) -> Facts:
        """What was counted."""
        facts = {"records": f"{self.records:,}" + (f", {self.failed:,} of them not readable" if self.failed else "")}
        facts |= {f"fault {number}": text for number, text in enumerate(self.faults, start=1)}
        if not self.sizes:
            return facts
        least, most = min(self.sizes), max(self.sizes)
        total = sum(size * count for size, count in self.sizes.items())
        each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        facts["atoms"] = f"{each} a record, {total:,} in all"
        facts["elements"] = elements_text(self.elements)
        facts["values"] = counted(self.labels) or "none"
        if self.attributes:
            facts["attributes"] = counted(self.attributes, 30)
        facts["cell"] = f"{self.cells:,} of {self.records:,} records, the first {self.cell}" if self.cells else "none"
        return facts

    def _attributes(self, data: Data) -> None:
        self.attributes.update(name for name in data.keys() if name not in ("z", "pos", "name", "cell", "pbc"))  # noqa: SIM118
        if "cell" in data and bool(data.cell.any()):
            if not self.cells:
                self.cell = f"{cell_text(data.cell[0].numpy())}, {periodic_text(data.pbc[0].tolist())}"
            self.cells += 1
