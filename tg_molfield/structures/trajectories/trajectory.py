"""`Trajectory`: the frames of a trajectory as ``Data``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.structures.build import build, check_coincident_atoms
from tg_molfield.structures.trajectories.files import FRAME_FILES
from tg_molfield.structures.trajectories.frame import Frame
from tg_molfield.structures.trajectories.topology import Topology
from tg_molfield.structures.trajectories.whole import WholeMolecules, periodic_bonds, stretched_bonds

_WRONG = 0.1
"""Share of bonds that are much too long, from which on a topology is that of other atoms."""

_PERIODIC = np.ones(3, dtype=np.bool_)


class Trajectory(ABC):
    """The frames of a trajectory, read one by one.

    Attributes:
        path: the file.
        notes: what may not be read as the file means it.
        damage: what is wrong with the end of the file, or an empty text.
    """

    path: Path
    notes: list[str]
    damage: str

    @abstractmethod
    def __len__(self) -> int:
        """The number of frames."""

    @abstractmethod
    def frame(self, index: int) -> Data:
        """The frame of an index, from 0; frames in order are read fastest.

        Returns:
            ``z`` [N], ``pos`` [N, 3] in Å, ``cell`` [1, 3, 3] in Å and ``pbc`` [1, 3] of periodic frames, ``time`` [1]
            in ps (float64) where the file tells it, and what else the topology or the frame gives.

        Raises:
            ValueError: the frame is damaged, or its atoms are not sound.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the file."""


class TopologyTrajectory(Trajectory):
    """A trajectory whose atoms a topology names.

    Args:
        path: the trajectory.
        topology: of the same atoms.
        whole: make periodic molecules whole.
        dtype: floating type of the result.

    Raises:
        ImportError: MDAnalysis is not installed.
        OSError: the file cannot be read.
        ValueError: it is no file of its format, or has another number of atoms than the topology.
    """

    def __init__(self, path: Path, topology: Topology, whole: bool, dtype: torch.dtype) -> None:
        self.path, self._topology, self._dtype = path, topology, dtype
        self._file = FRAME_FILES[path.suffix.lower()](path)
        self.damage, self.notes = self._file.damage, [*topology.notes, *self._file.notes]
        self._whole: WholeMolecules | None = None
        try:
            self._prepare(whole)
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return len(self._file)

    def frame(self, index: int) -> Data:
        """The frame of an index."""
        found, topology = self._file.frame(index), self._topology
        pos, values = found.pos, dict(topology.values)
        if found.cell is not None:
            pbc: np.ndarray = np.asarray(found.cell.any(1))
            if self._whole is not None and np.isfinite(pos).all() and np.isfinite(found.cell).all():
                pos = self._whole(pos, found.cell, pbc)
            values |= {"cell": found.cell[None], "pbc": pbc[None]}
        data = build(topology.z, pos[topology.rows], self._dtype, **values)
        check_coincident_atoms(data.pos)
        if found.time is not None:
            data.time = torch.tensor([found.time], dtype=torch.float64)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _prepare(self, whole: bool) -> None:
        """Compare the atoms with the topology, and find the bonds."""
        topology = self._topology
        if self._file.num_atoms != topology.num_atoms:
            raise ValueError(
                f"{self.path}: expected {topology.num_atoms} atoms, as {topology.path.name} has, got "
                f"{self._file.num_atoms}; give the topology that the trajectory was written with"
            )
        if (first := self._first_frame()) is not None:
            bonds = self._bonds(first)
            self._check_bonds(first, bonds)
            if whole:
                self._whole = WholeMolecules(topology.num_atoms, bonds, topology.rows)

    def _first_frame(self) -> Frame | None:
        """The first frame that can be read, of the first hundred."""
        for index in range(min(len(self._file), 100)):
            try:
                found = self._file.frame(index)
            except ValueError:
                continue
            if np.isfinite(found.pos).all():
                return found
        return None

    def _bonds(self, first: Frame) -> np.ndarray:
        """[B, 2] those of the topology, by the distances there, or else by the distances in a frame."""
        topology = self._topology
        if topology.bonds is not None:
            return topology.bonds
        if topology.pos is not None:
            return periodic_bonds(topology.bonded_z, topology.pos, topology.cell, _PERIODIC)
        return periodic_bonds(topology.bonded_z, first.pos, first.cell, _PERIODIC)

    def _check_bonds(self, first: Frame, bonds: np.ndarray) -> None:
        stretched = stretched_bonds(self._topology.bonded_z, first.pos, bonds, first.cell)
        if stretched > _WRONG * len(bonds):
            self.notes.append(
                f"bonds: expected the atoms that are bonded in {self._topology.path.name} beside each other, got "
                f"{stretched} of {len(bonds)} bonds far too long; check that it is the topology of the trajectory"
            )
