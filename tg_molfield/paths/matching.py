"""Which atom of one field is which of the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.chem.elements import symbols
from tg_molfield.fields import Field, Grid, MolField
from tg_molfield.inverse.find_atoms import find_atoms
from tg_molfield.paths.frames import Array, Indices
from tg_molfield.paths.topology import Topology

_PASSES = 3
_HALF = 0.5


def found_frames(fields: Sequence[Field], mol_field: MolField | None, grid: Grid | None) -> list[Data]:
    """The atoms of each field, in the order of the first.

    Raises:
        ValueError: the atoms found do not explain a field, or are not those of the first.
    """
    frames: list[Data] = []
    for number, field in enumerate(fields):
        try:
            found = find_atoms(field, grid, mol_field, errors="raise")
        except ValueError as error:
            raise ValueError(f"fields[{number}]: {error}") from error
        if frames:
            _check_kinds(number, found, frames[0])
            expected = _extrapolated([frame.pos for frame in frames[-2:]])
            order = matched(found.z, expected, frames[-1].pos.double().cpu().numpy(), found.pos.double().cpu().numpy())
            found.pos = found.pos[torch.from_numpy(order)]
        frames.append(found)
    return frames


def matched(z: Tensor, expected: Array, last: Array, pos: Array) -> Indices:
    """The index [N] into ``pos`` for each atom, one element at a time, by the Hungarian method.

    The cost of a pair is its squared distance from where the atom is expected; once a first match is known, the
    squared changes of the atom's distances to those that were bonded to it, or to the same atom, are added.

    Args:
        z: atomic numbers [N] of both, equal.
        expected: where the atoms should be [N, 3] in Å.
        last: where they were [N, 3], which tells their bonds.
        pos: where atoms are now [N, 3], in any order within an element.
    """
    numbers, topology = z.cpu().numpy(), Topology.of(z.cpu(), last[None])
    order = np.arange(len(numbers), dtype=np.int64)
    for bonded in [False, *[True] * (_PASSES - 1)]:
        match = order.copy()
        for number in np.unique(numbers):
            mine = np.flatnonzero(numbers == number)
            cost = np.square(expected[mine, None] - pos[None, mine]).sum(-1)
            if bonded:
                cost += np.stack([_changes(atom, topology, last, pos[order], pos[mine]) for atom in mine.tolist()])
            match[mine] = mine[linear_sum_assignment(cost)[1]]
        if bonded and (match == order).all():
            break
        order = match
    return order


def _changes(atom: int, topology: Topology, last: Array, now: Array, places: Array) -> Array:
    """How much [M] the distances of an atom to its neighbours would change, squared, were it at ``places`` [M, 3]."""
    around = topology.neighbors(atom)
    was = np.linalg.norm(last[around] - last[atom], axis=1)
    would_be = np.linalg.norm(now[around][None] - places[:, None], axis=-1)
    return np.square(would_be - was).sum(1)


def _extrapolated(last: Sequence[Tensor]) -> Array:
    """Where atoms are expected: half as far on as they last moved."""
    pos = [one.double().cpu().numpy() for one in last]
    return pos[-1] if len(pos) == 1 else pos[-1] + _HALF * (pos[-1] - pos[-2])


def _check_kinds(number: int, found: Data, first: Data) -> None:
    if torch.equal(found.z, first.z) and getattr(found, "part", found.z).equal(getattr(first, "part", first.z)):
        return
    raise ValueError(
        f"fields[{number}] holds {_counted(found.z)}, fields[0] {_counted(first.z)}; a path needs the same atoms "
        "in all of them"
    )


def _counted(z: Tensor) -> str:
    return " ".join(f"{symbols()[number]}{count}" for number, count in sorted(Counter(z.tolist()).items()))
