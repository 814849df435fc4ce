"""An endless stream of augmented batches of small molecules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.chem.elements import element_property
from tg_molfield.chem.rotations import random_rotations

_TRIES = 4
_RARE = 0.1
_HEAVIEST = 53


class AugmentedMolecules:
    """Batches of molecules drawn with replacement and changed at random, from torch's global generator.

    An autoencoder of fields has to express any arrangement of atoms, so arrangements that no molecule has are fair
    training data. Each molecule is mirrored with probability ½, stretched along each axis, its atoms are shaken, some
    are left out, some change their element, and another molecule may be put beside it. Orientation is left to the
    model's random frames.

    Args:
        molecules: `Data` with ``z`` and ``pos``.
        batch_size: molecules per batch.
        stretch: standard deviation of the logarithm of the factor along each axis.
        shake: standard deviation of an atom's displacement, in Å.
        drop: the probability that an atom is left out.
        relabel: the probability that a molecule's elements are drawn anew, by their
            frequency in ``molecules``, or one in ten from ``elements``.
        join: the probability that two molecules become one.
        grow: the probability that the atoms are placed anew, each bonded to an earlier one.
        max_atoms: pairs of molecules that have more together are not joined.
        elements: atomic numbers; all up to iodine if None.
    """

    def __init__(
        self,
        molecules: Sequence[Data],
        batch_size: int = 64,
        *,
        stretch: float = 0.05,
        shake: float = 0.05,
        drop: float = 0.1,
        relabel: float = 0.25,
        join: float = 0.25,
        grow: float = 0.2,
        max_atoms: int = 16,
        elements: Sequence[int] | None = None,
    ) -> None:
        if not molecules:
            raise ValueError("molecules is empty: give at least one")
        self.batch_size = batch_size
        self.stretch, self.shake, self.drop = stretch, shake, drop
        self.relabel, self.join, self.grow, self.max_atoms = relabel, join, grow, max_atoms
        self.elements = torch.tensor(elements if elements is not None else range(1, _HEAVIEST + 1))
        self.z = torch.cat([data.z for data in molecules])
        self.pos = torch.cat([data.pos - data.pos.mean(0) for data in molecules])
        self.count = torch.tensor([data.z.numel() for data in molecules])
        self.start = self.count.cumsum(0) - self.count

    def __iter__(self) -> Iterator[Data]:
        while True:
            yield self.sample()

    def sample(self) -> Data:
        """One batch: ``z``, ``pos``, ``batch``, ``num_graphs``."""
        z, pos, batch = self._draw(self.batch_size)
        if self.join:
            z, pos, batch = self._joined(z, pos, batch)
        size = self.batch_size
        mirror = torch.where(torch.rand(size, 1) < 0.5, -1.0, 1.0)
        grown = (torch.rand(size) < self.grow)[batch]
        pos = torch.where(grown.unsqueeze(1), self._grown(z, batch).to(pos), pos)
        factors = torch.exp(self.stretch * torch.randn(size, 3))
        factors[:, :1] *= mirror
        pos = pos * factors.to(pos)[batch] + self.shake * torch.randn_like(pos)
        anew = (torch.rand(size) < self.relabel)[batch]
        drawn = self.z[torch.randint(self.z.numel(), z.shape)]
        rare = self.elements[torch.randint(len(self.elements), z.shape)]
        drawn = torch.where(torch.rand(z.shape) < _RARE, rare, drawn)
        z = torch.where(anew, drawn, z)
        keep = torch.rand(z.size(0)) >= self.drop * (torch.rand(size) < 0.5)[batch]
        keep[torch.searchsorted(batch, torch.arange(size))] = True
        return Data(z=z[keep], pos=pos[keep], batch=batch[keep])

    def _draw(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        chosen = torch.randint(self.count.numel(), (size,))
        count = self.count[chosen]
        batch = torch.repeat_interleave(count)
        within = torch.arange(batch.size(0)) - (count.cumsum(0) - count)[batch]
        atom = self.start[chosen][batch] + within
        return self.z[atom], self.pos[atom], batch

    def _joined(self, z: Tensor, pos: Tensor, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Some molecules with another one beside them, turned at random, 1 to 3 Å from surface to surface."""
        size = self.batch_size
        other_z, other, owner = self._draw(size)
        total = torch.bincount(batch, minlength=size) + torch.bincount(owner, minlength=size)
        joined = (torch.rand(size) < self.join) & (total <= self.max_atoms)
        turn, side = random_rotations(size).to(pos), torch.nn.functional.normalize(torch.randn(size, 3), dim=1).to(pos)
        other = torch.einsum("pij,pj->pi", turn[owner], other)
        reach = self._reach(pos, side, batch) + self._reach(other, -side, owner)
        shift = side * (reach + 1 + 2 * torch.rand(size).to(pos)).unsqueeze(1)
        chosen = joined[owner]
        z, pos = torch.cat([z, other_z[chosen]]), torch.cat([pos, (other + shift[owner])[chosen]])
        batch, order = torch.cat([batch, owner[chosen]]).sort(stable=True)
        return z[order], pos[order], batch

    def _grown(self, z: Tensor, batch: Tensor) -> Tensor:
        """Positions of the same atoms where each is bonded to an earlier one, away from the others."""
        count = torch.bincount(batch, minlength=self.batch_size)
        start = count.cumsum(0) - count
        radius = element_property("covalent_radius", z).to(self.pos)
        pos = torch.zeros(self.batch_size, int(count.max()), 3)
        row = torch.arange(self.batch_size)
        for k in range(1, pos.size(1)):
            parent = torch.randint(k, (self.batch_size,))
            atom = (start + k).clamp(max=z.numel() - 1)
            length = radius[atom] + radius[(start + parent).clamp(max=z.numel() - 1)]
            way = torch.nn.functional.normalize(torch.randn(self.batch_size, _TRIES, 3), dim=2)
            place = pos[row, parent].unsqueeze(1) + length[:, None, None] * way
            room = torch.cdist(place, pos[:, :k]).amin(2)
            pos[:, k] = place[row, (room + 0.3 * torch.rand_like(room)).argmax(1)]
        within = torch.arange(batch.numel()) - start[batch]
        return pos[batch, within]

    def _reach(self, pos: Tensor, side: Tensor, batch: Tensor) -> Tensor:
        along = (pos * side[batch]).sum(1)
        return along.new_zeros(self.batch_size).scatter_reduce(0, batch, along, "amax")
