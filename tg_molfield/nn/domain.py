"""`Domain`: the kind of molecules that a model was trained on, and warnings about others."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import bonds
from tg_molfield.chem.elements import symbols

_HYDROGEN, _CARBON = 1, 6
_STRAIGHT = -0.9
"""The cosine of the angle at a carbon with two neighbours below which it counts as linear."""


class OutOfDomainWarning(UserWarning):
    """A model is given molecules of a kind that it was not trained on."""


@dataclass(frozen=True)
class Domain:
    """What the molecules of a training set have in common.

    Attributes:
        elements: atomic numbers, sorted.
        max_atoms: the atoms of the largest molecule.
        hydrogens: whether hydrogens were explicit.
    """

    elements: tuple[int, ...]
    max_atoms: int
    hydrogens: bool

    @classmethod
    def of(cls, molecules: Iterable[Tensor]) -> Domain:
        """The domain of molecules given by their atomic numbers ``[N]``."""
        numbers = list(molecules)
        elements = sorted({z for molecule in numbers for z in molecule.tolist()})
        return cls(tuple(elements), max(map(len, numbers)), _HYDROGEN in elements)

    def check(self, z: Tensor, pos: Tensor, batch: Tensor) -> None:
        """Warn of what lies outside the domain.

        Args:
            z: ``[N]``.
            pos: ``[N, 3]`` Å.
            batch: ``[N]``, sorted.

        Warns:
            OutOfDomainWarning: an element was not in training, a molecule has more atoms than any there, or carbons
                lack hydrogens.
        """
        unknown = sorted(set(z.unique().tolist()) - set(self.elements))
        if unknown:
            known = ", ".join(symbols()[number] for number in self.elements)
            got = ", ".join(symbols()[number] for number in unknown)
            _warn(f"z: expected elements of the training set ({known}), got {got}; do not trust the field there")
        count = torch.bincount(batch)
        if int(count.max()) > self.max_atoms:
            _warn(
                f"molecule {int(count.argmax())}: expected at most {self.max_atoms} atoms, as in training, got "
                f"{int(count.max())}; compare the decoded field with the molecule's own"
            )
        if self.hydrogens:
            bare = torch.ones_like(count, dtype=torch.bool)
            bare[batch[z == _HYDROGEN]] = False
            for graph in bare.nonzero()[:, 0].tolist():
                if _lacks_hydrogens(z, pos, batch == graph):
                    _warn(f"molecule {graph}: expected explicit hydrogens, as in training, got none; add them first")
                    break


def _lacks_hydrogens(z: Tensor, pos: Tensor, mine: Tensor) -> bool:
    """Whether a molecule without hydrogens has a carbon with one neighbour, or with two that are not in line."""
    z, pos = z[mine].cpu(), pos[mine].detach().cpu().double()
    pairs = torch.from_numpy(bonds(AtomList(z, pos)))
    if len(z) <= 2:
        return False
    for carbon in (z == _CARBON).nonzero()[:, 0].tolist():
        ends = torch.cat([pairs[pairs[:, 0] == carbon, 1], pairs[pairs[:, 1] == carbon, 0]])
        if len(ends) == 1:
            return True
        if len(ends) == 2:
            first, second = torch.nn.functional.normalize(pos[ends] - pos[carbon], dim=1)
            if float(first @ second) > _STRAIGHT:
                return True
    return False


def _warn(message: str) -> None:
    warnings.warn(message, OutOfDomainWarning, stacklevel=5)
