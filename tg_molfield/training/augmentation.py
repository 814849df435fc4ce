"""An endless stream of randomly augmented batches of small molecules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield.arguments import as_list, as_names, check_counts, check_integers, check_number, require_counts
from tg_molfield.chem.cells import as_cells
from tg_molfield.chem.elements import MAX_Z, element_property
from tg_molfield.chem.rotations import random_rotations
from tg_molfield.chem.validation import check_atoms, check_data, check_single
from tg_molfield.training.atom_batch import AtomBatch, per_atom_property

_NUM_CANDIDATES = 4
_UNIFORM_ELEMENTS = 0.1
_IODINE = 53


class AugmentedMolecules:
    """Batches of molecules drawn with replacement and augmented at random, with torch's global generator.

    An autoencoder of fields must represent any arrangement of atoms, so unphysical arrangements are valid training
    data. Each molecule is mirrored with probability ½, stretched along each axis and perturbed; atoms are dropped,
    elements are changed, and a second molecule may be placed next to the first. The molecules are not rotated:
    the model trains with random frames.

    Args:
        molecules: `Data` with ``z`` [N], ``pos`` [N, 3] in Å and the ``properties``.
        batch_size: the number of molecules in a batch.
        properties: the names of per-atom attributes to keep, such as ``model.properties``, in one string or several:
            scalars [N] or [N, 1], which stay as they are, and vectors [N, 3], which rotate and reflect with the
            molecule.
        stretch: the standard deviation of the logarithm of the scale factor along each axis.
        shake: the standard deviation in Å of the displacement of an atom.
        drop: the probability that an atom is dropped, in half of the molecules.
        relabel: the probability that the elements of a molecule are drawn anew: nine in ten by their frequency in
            ``molecules``, the others uniformly from ``elements``.
        join: the probability that a second molecule is placed next to a molecule.
        grow: the probability that the atoms are placed anew, each bonded to an earlier one.
        max_atoms: the largest number of atoms of two molecules placed together.
        num_batches: how many batches make an epoch; no end if None. Lightning resumes within an epoch only where it
            knows this number, as it reads one batch ahead of an endless stream.
        elements: atomic numbers; 1 to 53 by default.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: there are no molecules, or one of them has no atoms, other positions than atoms, a cell, or lacks a
            property or has it in another shape; or a number is out of range.
    """

    def __init__(
        self,
        molecules: Sequence[Data],
        batch_size: int = 64,
        *,
        properties: str | Sequence[str] = (),
        stretch: float = 0.05,
        shake: float = 0.05,
        drop: float = 0.1,
        relabel: float = 0.25,
        join: float = 0.25,
        grow: float = 0.2,
        max_atoms: int = 16,
        num_batches: int | None = None,
        elements: Sequence[int] | None = None,
    ) -> None:
        if isinstance(molecules, Data):
            raise TypeError("molecules: expected a list of Data, got a Data; give [data] or batch.to_data_list()")
        molecules = as_list("molecules", molecules, "Data")
        if not molecules:
            raise ValueError("molecules: expected at least one molecule, got none; give a list of Data")
        for index, data in enumerate(molecules):
            check_data(data, f"molecules[{index}]")
            check_single(f"molecules[{index}]", data, "give them one by one")
            check_atoms(data.z, data.pos, prefix=f"molecules[{index}].")
            _check_not_periodic(data, f"molecules[{index}]")
        require_counts(1, batch_size=batch_size, max_atoms=max_atoms)
        check_counts(1, num_batches=num_batches)
        _check_deviations(stretch=stretch, shake=shake)
        _check_probabilities(drop=drop, relabel=relabel, join=join, grow=grow)
        self.batch_size, self.num_batches = batch_size, num_batches
        self.stretch, self.shake, self.drop = stretch, shake, drop
        self.relabel, self.join, self.grow, self.max_atoms = relabel, join, grow, max_atoms
        self.elements = torch.tensor(_atomic_numbers(range(1, _IODINE + 1) if elements is None else elements))
        names = as_names("properties", properties)
        self.properties = {name: per_atom_property(molecules, name) for name in names}
        self.z = torch.cat([data.z for data in molecules])
        self.pos = torch.cat([data.pos - data.pos.mean(0) for data in molecules])
        self.count = torch.tensor([data.z.numel() for data in molecules])
        self.start = self.count.cumsum(0) - self.count

    def described(self) -> dict[str, Any]:
        """The options as JSON values."""
        names = ("batch_size", "stretch", "shake", "drop", "relabel", "join", "grow", "max_atoms")
        numbers = {name: float(getattr(self, name)) for name in names}
        return {**numbers, "elements": self.elements.tolist(), "properties": list(self.properties)}

    def __repr__(self) -> str:
        end = "without end" if self.num_batches is None else f"{self.num_batches} of them"
        return f"AugmentedMolecules({len(self.count)} molecules, batches of {self.batch_size}, {end})"

    def __iter__(self) -> Iterator[Batch]:
        made = 0
        while self.num_batches is None or made < self.num_batches:
            made += 1
            yield self.sample()

    def __len__(self) -> int:
        if self.num_batches is None:
            raise TypeError("len: expected num_batches, got an endless stream; give num_batches")
        return self.num_batches

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the stream goes on with torch's generator. Lightning asks for it."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See :meth:`state_dict`."""

    def sample(self) -> Batch:
        """One batch: ``z`` [N], ``pos`` [N, 3], ``batch`` [N], ``ptr`` [B + 1] and the properties."""
        size = self.batch_size
        atoms = self._draw(size)
        if self.join:
            atoms = self._join(atoms)
        z, pos, batch = atoms.z, atoms.pos, atoms.batch
        mirror = torch.where(torch.rand(size, 1) < 0.5, -1.0, 1.0)
        grown = (torch.rand(size) < self.grow)[batch]
        pos = torch.where(grown.unsqueeze(1), self._grow(z, batch).to(pos), pos)
        factors = torch.exp(self.stretch * torch.randn(size, 3))
        factors[:, :1] *= mirror
        pos = pos * factors.to(pos)[batch] + self.shake * torch.randn_like(pos)
        anew = (torch.rand(size) < self.relabel)[batch]
        drawn = self.z[torch.randint(self.z.numel(), z.shape)]
        rare = self.elements[torch.randint(len(self.elements), z.shape)]
        drawn = torch.where(torch.rand(z.shape) < _UNIFORM_ELEMENTS, rare, drawn)
        z = torch.where(anew, drawn, z)
        keep = torch.rand(z.size(0)) >= self.drop * (torch.rand(size) < 0.5)[batch]
        keep[torch.searchsorted(batch, torch.arange(size))] = True
        reflections = torch.diag_embed(torch.cat([mirror, torch.ones(size, 2)], dim=1))
        properties = atoms.transformed(reflections).properties
        augmented = AtomBatch(z, pos, batch, properties).select(keep)
        ptr = F.pad(torch.bincount(augmented.batch, minlength=size).cumsum(0), (1, 0))
        return Batch(z=augmented.z, pos=augmented.pos, batch=augmented.batch, ptr=ptr, **augmented.properties)

    def _draw(self, size: int) -> AtomBatch:
        chosen = torch.randint(self.count.numel(), (size,))
        count = self.count[chosen]
        batch = torch.repeat_interleave(count)
        within = torch.arange(batch.size(0)) - (count.cumsum(0) - count)[batch]
        atom = self.start[chosen][batch] + within
        properties = {name: values[atom] for name, values in self.properties.items()}
        return AtomBatch(self.z[atom], self.pos[atom], batch, properties)

    def _join(self, atoms: AtomBatch) -> AtomBatch:
        """Some molecules with a second one next to them, in a random orientation and at a gap of 1 to 3 Å."""
        size = self.batch_size
        other = self._draw(size)
        total = torch.bincount(atoms.batch, minlength=size) + torch.bincount(other.batch, minlength=size)
        joined = (torch.rand(size) < self.join) & (total <= self.max_atoms)
        rotations = random_rotations(size).to(atoms.pos)
        direction = torch.nn.functional.normalize(torch.randn(size, 3), dim=1).to(atoms.pos)
        other = other.transformed(rotations)
        extent = self._extent(atoms, direction) + self._extent(other, -direction)
        shift = direction * (extent + 1 + 2 * torch.rand(size).to(atoms.pos)).unsqueeze(1)
        other = replace(other, pos=other.pos + shift[other.batch])
        return atoms.merged(other.select(joined[other.batch]))

    def _grow(self, z: Tensor, batch: Tensor) -> Tensor:
        """New positions in which each atom is bonded to an earlier one and keeps away from the others."""
        count = torch.bincount(batch, minlength=self.batch_size)
        start = count.cumsum(0) - count
        radius = element_property("covalent_radius", z).to(self.pos)
        pos = self.pos.new_zeros(self.batch_size, int(count.max()), 3)
        row = torch.arange(self.batch_size)
        for k in range(1, pos.size(1)):
            parent = torch.randint(k, (self.batch_size,))
            atom = (start + k).clamp(max=z.numel() - 1)
            length = radius[atom] + radius[(start + parent).clamp(max=z.numel() - 1)]
            way = torch.nn.functional.normalize(torch.randn(self.batch_size, _NUM_CANDIDATES, 3).to(pos), dim=2)
            place = pos[row, parent].unsqueeze(1) + length[:, None, None] * way
            room = torch.cdist(place, pos[:, :k]).amin(2)
            pos[:, k] = place[row, (room + 0.3 * torch.rand_like(room)).argmax(1)]
        within = torch.arange(batch.numel()) - start[batch]
        return pos[batch, within]

    def _extent(self, atoms: AtomBatch, direction: Tensor) -> Tensor:
        """How far each molecule extends from its origin in its ``direction`` [B, 3], in Å."""
        along = (atoms.pos * direction[atoms.batch]).sum(1)
        return along.new_zeros(self.batch_size).scatter_reduce(0, atoms.batch, along, "amax")


def _check_not_periodic(data: Data, name: str) -> None:
    cell = getattr(data, "cell", None)
    if cell is not None and bool(as_cells(cell, 1).any()):
        raise ValueError(
            f"{name}.cell: expected no cell, as augmented atoms have no images, got one; train on crystals "
            "themselves, or remove cell and pbc to take their atoms as a molecule"
        )


def _check_deviations(**deviations: Any) -> None:
    for name, value in deviations.items():
        check_number(name, value)
        if not 0 <= value < math.inf:
            raise ValueError(f"{name}: expected a finite number from 0, got {value}; 0.05 is usual")


def _check_probabilities(**probabilities: Any) -> None:
    for name, value in probabilities.items():
        check_number(name, value)
        if not 0 <= value <= 1:
            raise ValueError(f"{name}: expected a probability from 0 to 1, got {value}; give 0 to leave it out")


def _atomic_numbers(elements: Any) -> list[int]:
    numbers = as_list("elements", elements, "atomic numbers")
    if not numbers:
        raise ValueError("elements: expected at least one atomic number, got none; leave it out for 1 to 53")
    for number in numbers:
        check_integers(elements=number)
        if number is None or not 1 <= number <= MAX_Z:
            raise ValueError(f"elements: expected atomic numbers from 1 to {MAX_Z}, got {number}; correct them")
    return [int(number) for number in numbers]
