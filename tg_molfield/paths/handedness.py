"""Atoms around which the neighbours in one frame are the mirror image of those in another."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from torch import Tensor

from tg_molfield.paths.frames import Array, Frames, Indices
from tg_molfield.paths.superposition import best_rotation
from tg_molfield.paths.topology import Topology

_CLEAR = 1.0
"""Of 3.08 for a regular tetrahedron: below, it is too flat to have a handedness."""


@dataclass(frozen=True)
class Inversions:
    """Atoms with four neighbours that have the other handedness at the end.

    Attributes:
        exchanged: rows [E, 5] of an atom, two of its neighbours that have changed places (of one element, with no
            other neighbour), and its other two neighbours.
        mirrored: atoms [I] without such neighbours.
    """

    exchanged: Indices
    mirrored: Indices

    @classmethod
    def between(cls, z: Tensor, start: Array, end: Array, topology: Topology | None = None) -> Inversions:
        """The inversions from ``start`` [N, 3] to ``end`` [N, 3], of atoms ``z`` [N] and the bonds of both ends."""
        topology = Topology.of(z, np.stack([start, end])) if topology is None else topology
        around = [np.sort(topology.bonded(atom)) for atom in range(len(z))]
        atoms = np.array([atom for atom, near in enumerate(around) if len(near) == 4], dtype=np.int64)
        near = np.array([around[atom] for atom in atoms], dtype=np.int64).reshape(-1, 4)
        shapes = [_directions(pos, atoms, near) for pos in (start, end)]
        before, after = (np.linalg.det(shape[:, 1:] - shape[:, :1]) for shape in shapes)
        inverted = (before * after < 0) & (np.minimum(np.abs(before), np.abs(after)) > _CLEAR)
        ends = np.array([len(one) == 1 for one in around])
        exchanged, mirrored = [], []
        for row in np.flatnonzero(inverted).tolist():
            kinds = np.where(ends, z.numpy(), -1 - np.arange(len(z)))[near[row]].tolist()
            pairs = [pair for pair in combinations(range(4), 2) if kinds[pair[0]] == kinds[pair[1]]]
            if pairs:
                misfits = [_misfit(shapes[0][row], shapes[1][row], pair) for pair in pairs]
                pair = list(pairs[int(np.argmin(misfits))])
                exchanged.append([atoms[row], *near[row, pair], *np.delete(near[row], pair)])
            else:
                mirrored.append(atoms[row])
        return cls(np.array(exchanged, np.int64).reshape(-1, 5), np.array(mirrored, np.int64))


def warn_of_inversions(frames: Frames, numbers: Sequence[int]) -> None:
    """Warn of inversions between neighbouring frames, whose atoms are called by ``numbers``.

    Warns:
        UserWarning: there are some.
    """
    found = [Inversions.between(frames.z, *ends) for ends in zip(frames.pos[:-1], frames.pos[1:], strict=True)]
    pairs = [(frame, *row) for frame, one in enumerate(found) for row in one.exchanged[:, :3].tolist()]
    if pairs:
        frame, *atoms = pairs[0]
        atom, one, other = (numbers[index] for index in atoms)
        _warn(
            frame,
            f"atoms {one} and {other} exchanged at atom {atom}{_more(pairs)}, which turn about each other on the way; "
            "number them alike, as match='mcs' does for two frames",
        )
    mirrored = [(frame, atom) for frame, one in enumerate(found) for atom in one.mirrored.tolist()]
    if mirrored:
        frame, atom = mirrored[0]
        _warn(
            frame,
            f"the mirror image at atom {numbers[atom]}{_more(mirrored)}, where bonds bend on the way; give frames of "
            "one stereoisomer, numbered alike",
        )


def _warn(frame: int, got: str) -> None:
    warnings.warn(
        f"frames[{frame + 1}]: expected the handedness of frames[{frame}] at each atom, got {got}", stacklevel=4
    )


def _more(found: Sequence[object]) -> str:
    return f" (and {len(found) - 1} more on the path)" if len(found) > 1 else ""


def _directions(pos: Array, atoms: Indices, around: Indices) -> Array:
    """Unit vectors [C, 4, 3] to the four neighbours of each of the ``atoms`` [C]."""
    bonds = pos[around] - pos[atoms][:, None]
    return bonds / np.linalg.norm(bonds, axis=2, keepdims=True).clip(1e-9)


def _misfit(one: Array, other: Array, pair: tuple[int, ...]) -> float:
    """How far directions [4, 3] are from others of which a pair is exchanged, after superposition."""
    order = np.arange(4)
    order[list(pair)] = pair[::-1]
    return float(np.square(one @ best_rotation(one, other[order]).T - other[order]).sum())
