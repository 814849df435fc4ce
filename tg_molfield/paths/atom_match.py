"""Which atoms of two different molecules are the same, and how one molecule lies on the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, permutations, product

import numpy as np
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.chem.elements import symbols
from tg_molfield.compare import align
from tg_molfield.fields import MolField
from tg_molfield.paths.frames import Array, Indices
from tg_molfield.paths.handedness import Inversions
from tg_molfield.paths.superposition import best_rotation
from tg_molfield.structures.common_substructure import CommonSubstructure, bonds_by_distance, common_substructure

MATCHES = ("mcs", "field")
BOUND = 1.0
"""Å within which atoms of one element are the same, where molecules are laid on each other by their fields."""

_TIE = 1e-4
"""Å of root mean square deviation that do not tell two ways to match atoms apart."""
_ON_A_LINE = 0.05
"""Å from a line within which atoms do not determine a rotation."""
_MAX_HYDROGEN_ORDERS = 5_000


@dataclass(frozen=True)
class AtomMatch:
    """Pairs of atoms of two molecules, and x ↦ R x + t, which lays the last molecule on the first.

    Attributes:
        pairs: [M, 2], by the atom of the first molecule.
        rotation: R [3, 3].
        translation: t [3] in Å.
    """

    pairs: Indices
    rotation: Array
    translation: Array

    def apply(self, pos: Array) -> Array:
        """Positions [N, 3] of the last molecule, laid on the first."""
        return pos @ self.rotation.T + self.translation

    def swapped(self) -> AtomMatch:
        """The same for the molecules in the other order."""
        pairs = self.pairs[self.pairs[:, 1].argsort()]
        return AtomMatch(pairs[:, [1, 0]], self.rotation.T, -self.rotation.T @ self.translation)


def match_molecules(first: Data, last: Data, by: str) -> AtomMatch:
    """The match of two molecules, which does not depend on their order.

    Args:
        first: the molecule that stays.
        last: the molecule that is laid on it.
        by: ``"mcs"``, by their maximum common substructure, or ``"field"``, by their fields.

    Raises:
        ValueError: no atoms match, or see `common_substructure` and `tg_molfield.compare.align`.
    """
    find = _by_substructure if by == "mcs" else _by_field
    if _order(first) <= _order(last):
        return find(first, last)
    return find(last, first).swapped()


def _order(data: Data) -> tuple[object, ...]:
    pos = _array(data)
    spread = float(np.square(pos - pos.mean(0)).sum())
    return len(pos), data.z.tolist(), round(spread, 2), pos.tolist()


def _by_substructure(first: Data, last: Data) -> AtomMatch:
    places = _array(first), _array(last)
    if first.z.tolist() == last.z.tolist() and bonds_by_distance(first) == bonds_by_distance(last):
        return _superposed(_same_atoms(first.z.cpu(), *places), *places)
    pairs = _nearest_way(common_substructure(first, last), *places)
    if len(pairs) < 2:
        raise ValueError(
            "match: expected molecules that share two bonded atoms or more for 'mcs', got a single common atom; give "
            "match='field'"
        )
    return _superposed(pairs, *places)


def _same_atoms(z: Tensor, first: Array, last: Array) -> Indices:
    """Each atom with itself, but neighbours that have changed places with each other."""
    pairs = np.repeat(np.arange(len(z))[:, None], 2, 1)
    one, other = Inversions.between(z, first, last).exchanged[:, 1:3].T
    pairs[one, 1], pairs[other, 1] = other, one
    return pairs


def _nearest_way(common: CommonSubstructure, first: Array, last: Array) -> Indices:
    """The pairs [M, 2] with the most hydrogens, and among these of the smallest deviation after superposition."""
    counts = [np.array([len(held) for held in one]) for one in common.hydrogens]
    ways = [np.stack([np.broadcast_to(one, common.last.shape), common.last], 2) for one in common.first]
    pairs = np.concatenate(ways)
    kept = np.minimum(counts[0][pairs[..., 0]], counts[1][pairs[..., 1]]).sum(1)
    pairs = pairs[kept == kept.max()]
    on_a_line = [_width(pos[pairs[0, :, side]]) < _ON_A_LINE for side, pos in enumerate((first, last))]
    if any(on_a_line):
        whole = [way for core in pairs for way in _hydrogen_orders(core, common)]
        return whole[_least(np.stack(whole), first, last)]
    core = pairs[_least(pairs, first, last)]
    return np.concatenate([core, _nearest_hydrogens(core, common, first, last)])


def _hydrogen_orders(core: Indices, common: CommonSubstructure) -> Iterator[Indices]:
    """All ways to match the hydrogens of atoms that match, up to 5000."""
    choices = []
    for i, j in core.tolist():
        mine, theirs = common.hydrogens[0][i], common.hydrogens[1][j]
        few = min(len(mine), len(theirs))
        if len(mine) <= len(theirs):
            choices.append([list(zip(mine, some, strict=True)) for some in permutations(theirs, few)])
        else:
            choices.append([list(zip(some, theirs, strict=True)) for some in permutations(mine, few)])
    for chosen in islice(product(*choices), _MAX_HYDROGEN_ORDERS):
        held = [pair for pairs in chosen for pair in pairs]
        yield np.concatenate([core, np.array(held, dtype=np.int64).reshape(-1, 2)])


def _nearest_hydrogens(core: Indices, common: CommonSubstructure, first: Array, last: Array) -> Indices:
    """Hydrogens of atoms that match, by their directions from these after superposition."""
    turned = _superposed(core, first, last).apply(last)
    found: list[tuple[int, int]] = []
    for i, j in core.tolist():
        mine, theirs = common.hydrogens[0][i], common.hydrogens[1][j]
        apart = (first[mine] - first[i])[:, None] - (turned[theirs] - turned[j])[None]
        rows, columns = linear_sum_assignment(np.square(apart).sum(-1))
        found += [(mine[row], theirs[column]) for row, column in zip(rows, columns, strict=True)]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _least(pairs: Indices, first: Array, last: Array) -> int:
    """Which of the ways [W, M, 2] to match atoms has the smallest deviation; the first of those that are equal."""
    p, q = last[pairs[..., 1]], first[pairs[..., 0]]
    p, q = (points - points.mean(1, keepdims=True) for points in (p, q))
    u, s, v = np.linalg.svd(p.swapaxes(1, 2) @ q)
    s[:, 2] *= np.sign(np.linalg.det(u @ v))
    squares = np.square(p).sum((1, 2)) + np.square(q).sum((1, 2)) - 2 * s.sum(1)
    deviation = np.sqrt(squares.clip(0) / pairs.shape[1])
    return int(np.flatnonzero(deviation <= deviation.min() + _TIE)[0])


def _superposed(pairs: Indices, first: Array, last: Array) -> AtomMatch:
    """The match with the superposition of Kabsch; by the smallest rotation for atoms on a line."""
    target, points = first[pairs[:, 0]], last[pairs[:, 1]]
    rotation = best_rotation(points - points.mean(0), target - target.mean(0))
    pairs = pairs[pairs[:, 0].argsort()]
    return AtomMatch(pairs, rotation, target.mean(0) - rotation @ points.mean(0))


def _by_field(first: Data, last: Data) -> AtomMatch:
    elements = sorted({*first.z.tolist(), *last.z.tolist()})
    found = align(_bare(last), _bare(first), MolField([symbols()[number] for number in elements]))
    lie = AtomMatch(np.empty((0, 2), np.int64), found.rotation.cpu().numpy(), found.translation.cpu().numpy())
    apart = np.square(_array(first)[:, None] - lie.apply(_array(last))[None]).sum(-1)
    same = first.z.cpu().numpy()[:, None] == last.z.cpu().numpy()[None]
    cost = np.where(same, apart, np.inf).clip(None, BOUND**2)
    rows, columns = linear_sum_assignment(cost)
    near = cost[rows, columns] < BOUND**2
    if not near.any():
        raise ValueError(
            f"match: expected atoms of one element within {BOUND:g} Å for 'field', after the molecules were laid on "
            "each other, got none; give match='mcs'"
        )
    return AtomMatch(np.stack([rows, columns], 1)[near], lie.rotation, lie.translation)


def _bare(data: Data) -> Data:
    return Data(z=data.z.cpu(), pos=data.pos.detach().cpu().double())


def _array(data: Data) -> Array:
    return data.pos.detach().cpu().double().numpy()


def _width(points: Array) -> float:
    """The root mean square distance in Å of points from the line through them."""
    return float(np.linalg.svd(points - points.mean(0), compute_uv=False)[1:2].sum() / np.sqrt(len(points)))
