"""Correspondence of atoms between neighbouring fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.arguments import as_list, check_kind
from tg_molfield.chem.cells import is_periodic, pbc_of
from tg_molfield.chem.elements import symbols
from tg_molfield.fields import Field, Grid, MolField
from tg_molfield.inverse.find_atoms import find_atoms
from tg_molfield.paths.frames import Array, Indices
from tg_molfield.paths.topology import Topology

_MAX_PASSES = 3
_EXTRAPOLATION = 0.5


def frames_from_fields(fields: Sequence[Field], mol_field: MolField | None, grid: Grid | None) -> list[Data]:
    """The atoms found in each field, in the order of those in the first field.

    Raises:
        ValueError: the atoms found do not explain a field, or differ from those of the first field.
    """
    frames: list[Data] = []
    for number, field in enumerate(as_list("fields", fields, "Field")):
        check_kind(f"fields[{number}]", field, Field, "a Field", "give a Field or a Volume")
        try:
            found = find_atoms(field, grid, mol_field, errors="raise")
        except ValueError as error:
            raise ValueError(f"fields[{number}]: {error}") from error
        if is_periodic(pbc_of(found)):
            raise ValueError(
                f"fields[{number}]: expected a field that is not periodic, got one that is, whose atoms cannot be told "
                "apart across the border of the cell; give the frames with their atoms to FieldPath"
            )
        if frames:
            _check_composition(number, found, frames[0])
            expected = _extrapolated([frame.pos for frame in frames[-2:]])
            order = match_atoms(
                found.z, expected, frames[-1].pos.cpu().double().numpy(), found.pos.cpu().double().numpy()
            )
            found.pos = found.pos[torch.from_numpy(order)]
        frames.append(found)
    return frames


def match_atoms(z: Tensor, expected: Array, last: Array, pos: Array) -> Indices:
    """For each atom its index [N] in ``pos``, assigned element by element with the Hungarian method.

    The cost of an assignment is the squared distance between the expected and the actual position. From the second
    pass on, the squared changes of the distances to atoms one or two bonds away are added.

    Args:
        z: atomic numbers [N], the same for all positions.
        expected: extrapolated positions [N, 3] in Å.
        last: positions [N, 3] in Å in the last frame, which define the bonds.
        pos: positions [N, 3] in Å in this frame, in any order within an element.
    """
    numbers, topology = z.cpu().numpy(), Topology.of(z.cpu(), last[None])
    order = np.arange(len(numbers), dtype=np.int64)
    for bonded in [False, *[True] * (_MAX_PASSES - 1)]:
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


def _changes(atom: int, topology: Topology, last: Array, now: Array, candidates: Array) -> Array:
    """The summed squared changes [M] of an atom's neighbour distances if it were at ``candidates`` [M, 3]."""
    around = topology.neighbors(atom)
    was = np.linalg.norm(last[around] - last[atom], axis=1)
    would_be = np.linalg.norm(now[around][None] - candidates[:, None], axis=-1)
    return np.square(would_be - was).sum(1)


def _extrapolated(last: Sequence[Tensor]) -> Array:
    """The expected positions [N, 3]: half of the last displacement further on."""
    pos = [one.cpu().double().numpy() for one in last]
    return pos[-1] if len(pos) == 1 else pos[-1] + _EXTRAPOLATION * (pos[-1] - pos[-2])


def _check_composition(number: int, found: Data, first: Data) -> None:
    if torch.equal(found.z, first.z) and getattr(found, "part", found.z).equal(getattr(first, "part", first.z)):
        return
    raise ValueError(
        f"fields[{number}]: expected the atoms of fields[0], {_formula(first.z)}, got {_formula(found.z)}; "
        "give fields of one molecule"
    )


def _formula(z: Tensor) -> str:
    return " ".join(f"{symbols()[number]}{count}" for number, count in sorted(Counter(z.tolist()).items()))
