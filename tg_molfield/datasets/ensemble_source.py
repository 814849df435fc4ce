"""The frames of multi-model files and of trajectories as entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from torch_geometric.data import Data

from tg_molfield.arguments import as_list, as_path
from tg_molfield.datasets.ensemble_building import FirstFrame, FrameBuilder, FrameContent
from tg_molfield.datasets.sources import WITH_LABELS, Source
from tg_molfield.files import NO_FAULTS, fault_message, format_suffix
from tg_molfield.structures.build import float_dtype
from tg_molfield.structures.formats.registry import SUFFIXES
from tg_molfield.structures.library import Entry, Library, build_entry, fault_of_entry
from tg_molfield.structures.trajectories import (
    ASE,
    TRAJECTORIES,
    AseTrajectory,
    Topology,
    TopologyTrajectory,
    Trajectory,
    is_trajectory,
)


class FrameSource(Source):
    """The frames of files.

    Args:
        source: a file or several.
        topology: of trajectories that do not name their atoms, or None.
        builder: which frames and atoms are taken, and what is computed of them.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: the source is no path.
        ValueError: a suffix is unknown, a topology is missing or superfluous, or an option has no effect.
    """

    def __init__(self, source: Any, topology: str | Path | None, builder: FrameBuilder) -> None:
        super().__init__()
        several = not isinstance(source, str | Path)
        paths = as_list("source", source, "files") if several else [source]
        self._paths = [as_path(path, "source") for path in paths]
        self._topology_path = None if topology is None else as_path(topology, "topology")
        self._builder = builder
        self._topology: Topology | None = None
        if not self._paths:
            raise ValueError("source: expected at least one file, got none; give its path")
        for path in self._paths:
            self._check(path)
        named = [path for path in self._paths if is_trajectory(path) and path.suffix.lower() != ASE]
        if not named and topology is not None:
            raise ValueError(
                f"topology: expected None for files that name their atoms, got one beside {self._paths[0].name}; leave "
                "it out"
            )
        if not named and builder.selection != "all":
            raise ValueError(
                "selection: expected 'all' for files without a topology, got "
                f"{builder.selection[:40]!r}; choose atoms in pre_transform"
            )
        self.files = [*self._paths, *([self._topology_path] if self._topology_path is not None else [])]

    def _check(self, path: Path) -> None:
        suffix = path.suffix.lower()
        if is_trajectory(path):
            if suffix != ASE and self._topology_path is None:
                raise ValueError(
                    f"topology: expected a file that names the atoms of {path.name} (PDB, GRO, TPR, PSF, PRMTOP, …), "
                    "got None; give the one that the trajectory was written with"
                )
        elif path.suffix.lower() == ".gz" and Path(path.stem).suffix.lower() in TRAJECTORIES:
            raise ValueError(f"{path}: expected an unpacked trajectory, got a .gz file; unpack it by gunzip")
        else:
            if format_suffix(path) not in SUFFIXES:
                raise ValueError(
                    f"{path}: expected a trajectory ({', '.join(TRAJECTORIES)}) or a structure file "
                    f"({', '.join(SUFFIXES)}), got {path.suffix!r}; convert it"
                )
            Library(path)
        if self._builder.labels and (suffix if is_trajectory(path) else format_suffix(path)) not in (*WITH_LABELS, ASE):
            raise ValueError(
                f"labels: expected files that have labels ({', '.join((*WITH_LABELS, ASE))}), got {path.name}; leave "
                "out labels, or set data.y in pre_transform by data.frame"
            )

    def __iter__(self) -> Iterator[Entry]:
        """The entries.

        Raises:
            OSError: a file cannot be read.
            ValueError: the only file is no file of its format, or the topology is none.
        """
        return self.entries(0)

    def entries(self, start: int) -> Iterator[Entry]:
        """The entries from a position on; frames of trajectories before it are not read."""
        makers = self._makers()
        for self.done, _ in islice(makers, start):
            pass
        return self._made(makers)

    def _made(self, makers: Iterator[tuple[float, Callable[[], Entry]]]) -> Iterator[Entry]:
        for self.done, entry in makers:
            yield entry()

    def _makers(self) -> Iterator[tuple[float, Callable[[], Entry]]]:
        """The entries, to be made when they are needed, each with the share of the files up to it."""
        for number, path in enumerate(self._paths):
            for done, entry in self._of_file(number, path):
                yield (number + done) / len(self._paths), entry

    def _of_file(self, number: int, path: Path) -> Iterator[tuple[float, Callable[[], Entry]]]:
        """The entries of a file, as `_makers` gives them."""
        try:
            yield from self._of_trajectory(number, path) if is_trajectory(path) else self._of_library(number, path)
        except (*NO_FAULTS, ImportError):
            raise
        except Exception as error:
            if len(self._paths) == 1:
                raise
            reason = fault_message(error).removeprefix(f"{path}: ")
            yield 1.0, partial(Entry, path.name, 1, "", "failed", reason)

    def _of_trajectory(self, number: int, path: Path) -> Iterator[tuple[float, Callable[[], Entry]]]:
        trajectory = self._opened(path)
        frames, builder = len(trajectory), self._builder
        first: FirstFrame | None = None
        notes = tuple(trajectory.notes)

        def entry(index: int) -> Entry:
            nonlocal first
            try:
                data = trajectory.frame(index)
                values = _label_texts(trajectory, builder.labels)
                first = first or FirstFrame(_first_of(trajectory), builder.recipe, False)
            except NO_FAULTS:
                raise
            except Exception as error:
                return Entry(path.name, index + 1, "", "failed", fault_message(error))
            inner = Entry(path.name, index + 1, "", "data", data, notes, values)
            return Entry(path.name, index + 1, "", "frame", FrameContent(inner, index, number, first))

        try:
            for index in range(*slice(builder.start, builder.stop, builder.stride).indices(frames)):
                yield (index + 1) / frames, partial(entry, index)
            if trajectory.damage and (builder.stop is None or builder.stop > frames):
                yield 1.0, partial(Entry, path.name, frames + 1, "", "failed", trajectory.damage)
        finally:
            trajectory.close()

    def _of_library(self, number: int, path: Path) -> Iterator[tuple[float, Callable[[], Entry]]]:
        builder = self._builder
        library = Library(path, builder.labels, builder.recipe.dtype)
        first: FirstFrame | None = None
        for index, entry in enumerate(library):
            if first is None:
                first = _first_of_record(entry, builder)
            if index < builder.start or (index - builder.start) % builder.stride:
                continue
            if builder.stop is not None and index >= builder.stop:
                return
            content = FrameContent(entry, index, number, first)
            yield library.done or 0.0, partial(Entry, entry.file, entry.record, entry.title, "frame", content)

    def _opened(self, path: Path) -> Trajectory:
        builder = self._builder
        dtype = float_dtype(builder.recipe.dtype)
        if path.suffix.lower() == ASE:
            return AseTrajectory(path, builder.whole, dtype)
        assert self._topology_path is not None
        if self._topology is None:
            self._topology = Topology(self._topology_path, builder.selection)
        return TopologyTrajectory(path, self._topology, builder.whole, dtype)


def _first_of(trajectory: Trajectory) -> Data:
    """The first sound frame."""
    for index in range(len(trajectory)):
        try:
            return trajectory.frame(index)
        except ValueError:
            continue
    raise ValueError("expected a sound frame, got none; copy the file again")


def _first_of_record(entry: Entry, builder: FrameBuilder) -> FirstFrame | None:
    try:
        return FirstFrame(build_entry(entry, builder.recipe).molecules[0], builder.recipe, builder.whole)
    except Exception as error:
        fault_of_entry(error)
        return None


def _label_texts(trajectory: Trajectory, labels: tuple[str, ...]) -> dict[str, str]:
    info = trajectory.info if isinstance(trajectory, AseTrajectory) else {}
    return {name: str(info[name]) for name in labels if name in info}
