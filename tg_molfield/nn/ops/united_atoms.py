"""United atoms: each heavy atom together with its hydrogens, padded to batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from tg_molfield.chem.padding import Padding
from tg_molfield.devices import constant

MAX_HYDROGENS = 4
"""Hydrogens that one united atom can have."""
PARTS = ("pos", "kinds", "counts", "hydrogens", "mask")
LENGTH = 1.5
"""Å; about the standard deviation of a heavy atom's coordinates in small molecules."""
BOND = 0.8
"""Å; about that of a hydrogen's, relative to its heavy atom."""
_TIE = 1e-3
"""Å; heavy atoms whose distances differ by less are as near."""
_FAR, _DIRECTION = 1e4, (1.0, 0.27, 0.07)
_LONGEST_BOND = 1.65
"""Å; a hydrogen farther than this from every heavy atom is a united atom of its own."""


@dataclass(frozen=True, eq=False)
class UnitedAtoms:
    """The united atoms of B molecules, padded to n each.

    Attributes:
        pos: ``[B, n, 3]`` Å, of the heavy atoms, or of hydrogens that have none near them.
        kinds: ``[B, n]`` int64, indices into a list of elements.
        counts: ``[B, n]`` int64, how many hydrogens each has, at most 4.
        hydrogens: ``[B, n, 4, 3]`` Å, from the heavy atom to its hydrogens; the first ``counts`` are used, the rest 0.
        mask: ``[B, n]`` bool: whether there is one; these come first.
    """

    pos: Tensor
    kinds: Tensor
    counts: Tensor
    hydrogens: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return len(self.mask)

    @property
    def number(self) -> Tensor:
        """``[B]`` int64: how many united atoms a molecule has."""
        return self.mask.sum(1)

    @property
    def used(self) -> Tensor:
        """``[B, n, 4]`` bool: which of ``hydrogens`` there are."""
        return torch.arange(MAX_HYDROGENS, device=self.mask.device) < self.counts.unsqueeze(2)

    def __getitem__(self, rows: Tensor | slice) -> UnitedAtoms:
        return UnitedAtoms(*(getattr(self, name)[rows] for name in PARTS))

    def atoms(self, numbers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All atoms: ``z [N]``, ``pos [N, 3]`` and ``batch [N]``, each heavy atom followed by its hydrogens.

        Args:
            numbers: ``[T]``, the atomic numbers of ``kinds``.
        """
        z = F.pad(numbers[self.kinds].unsqueeze(2), (0, MAX_HYDROGENS), value=1)
        pos = torch.cat([self.pos.unsqueeze(2), self.pos.unsqueeze(2) + self.hydrogens], dim=2)
        used = F.pad(self.used, (1, 0), value=True) & self.mask.unsqueeze(2)
        batch = torch.arange(len(self), device=z.device)[:, None, None].expand_as(used)
        return z[used], pos[used], batch[used]


def joined(parts: Sequence[UnitedAtoms]) -> UnitedAtoms:
    """All molecules of parts that are padded alike, at least one."""
    return UnitedAtoms(*(torch.cat([getattr(part, name) for part in parts]) for name in PARTS))


class Membership(NamedTuple):
    """To which united atom each of N atoms belongs.

    Attributes:
        anchor: ``[N]`` int64, the row of its heavy atom, or its own.
        place: ``[N]`` int64, the number of the united atom in its molecule.
        slot: ``[N]`` int64, 0 for the anchor and 1 to 4 for its hydrogens, the nearest first.
    """

    anchor: Tensor
    place: Tensor
    slot: Tensor


@torch.no_grad()
def membership(z: Tensor, pos: Tensor, batch: Tensor, num_graphs: int) -> Membership:
    """Hydrogens belong to the nearest heavy atom within 1.65 Å unless four nearer ones do; other atoms to themselves.

    Of heavy atoms that are as near, it is the one of the greatest atomic number, then the farthest along a direction.

    Args:
        z: ``[N]``.
        pos: ``[N, 3]`` Å.
        batch: ``[N]``, sorted.
        num_graphs: B.
    """
    padding = Padding(batch, num_graphs)
    there, row = padding.mask, padding(torch.arange(len(z), device=z.device))
    light = there & (z[row] == 1)
    distance = torch.cdist(pos[row], pos[row], compute_mode="donot_use_mm_for_euclid_dist")
    distance = distance.masked_fill(~(there & ~light).unsqueeze(1), torch.inf)
    shortest = distance.amin(2)
    order = z[row] * _FAR + pos[row] @ constant(_DIRECTION, pos)
    nearest = order.unsqueeze(1).masked_fill(distance > shortest.unsqueeze(2) + _TIE, -torch.inf).argmax(2)
    bound = light & (shortest < _LONGEST_BOND)
    rank = _ranks(shortest, nearest, bound)
    bound = bound & (rank < MAX_HYDROGENS)
    anchor = torch.where(bound, nearest, torch.arange(row.size(1), device=z.device))
    place = ((there & ~bound).cumsum(1) - 1).gather(1, anchor)
    found = row.gather(1, anchor), place, torch.where(bound, rank + 1, 0)
    return Membership(*map(padding.rows, found))


def _ranks(shortest: Tensor, nearest: Tensor, bound: Tensor) -> Tensor:
    """How many others that are bound to the same atom are nearer to it, or as near and before; all ``[B, m]``."""
    same = bound.unsqueeze(2) & bound.unsqueeze(1) & (nearest.unsqueeze(2) == nearest.unsqueeze(1))
    mine, other = shortest.unsqueeze(2), shortest.unsqueeze(1)
    before = torch.ones_like(same[0]).tril(-1)
    return (same & ((other < mine) | ((other == mine) & before))).sum(2)


def united_atoms(
    member: Membership, kinds: Tensor, pos: Tensor, batch: Tensor, num_graphs: int, max_atoms: int
) -> UnitedAtoms:
    """The united atoms of B molecules, padded to ``max_atoms``.

    Args:
        member: see :func:`membership`.
        kinds: ``[N]`` int64, the kind of each atom.
        pos: ``[N, 3]`` Å.
        batch: ``[N]``, sorted.
        num_graphs: B.
        max_atoms: the most that a molecule may have.

    Raises:
        ValueError: a molecule has more.
    """
    if len(batch) and int(member.place.max()) >= max_atoms:
        row = int(member.place.argmax())
        number = int(member.place[batch == batch[row]].max()) + 1
        raise ValueError(
            f"molecule {int(batch[row])}: expected at most {max_atoms} heavy atoms, or hydrogens that are bound to "
            f"none, for which the model was built, got {number}; take another model, or cut the molecule"
        )
    heavy, light = (rows.nonzero()[:, 0] for rows in (member.slot == 0, member.slot > 0))
    where = batch[heavy], member.place[heavy]
    there = torch.ones_like(heavy, dtype=torch.bool)
    mask = torch.zeros(num_graphs, max_atoms, dtype=torch.bool, device=pos.device).index_put(where, there)
    centers = pos.new_zeros(*mask.shape, 3).index_put(where, pos[heavy])
    kind = torch.zeros_like(mask, dtype=torch.int64).index_put(where, kinds[heavy])
    batch, place, slot = batch[light], member.place[light], member.slot[light] - 1
    offset = pos[light] - pos[member.anchor[light]]
    hydrogens = pos.new_zeros(*mask.shape, MAX_HYDROGENS, 3).index_put((batch, place, slot), offset)
    counts = torch.zeros_like(kind).index_put((batch, place), torch.ones_like(place), accumulate=True)
    return UnitedAtoms(centers, kind, counts, hydrogens, mask)
