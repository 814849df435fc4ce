"""`Domain`: the kind of molecules that a model was trained on, and warnings about others."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from tg_molfield.chem.atoms import AtomList
from tg_molfield.chem.bonds import bonds
from tg_molfield.chem.elements import MAX_Z, symbols

_HYDROGEN, _CARBON = 1, 6
_STRAIGHT = -0.9
"""The cosine of the angle at a carbon with two neighbours below which it counts as linear."""

_BARE = "expected explicit hydrogens, as in training, got none"


class OutOfDomainWarning(UserWarning):
    """A model is given molecules of a kind that it was not trained on."""


class Domain(nn.Module):
    """Which elements and how many atoms a model has seen in training; part of its state, like running statistics.

    A model that was never trained has seen nothing, and nothing is checked.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(MAX_Z + 1, dtype=torch.bool))
        self.register_buffer("size", torch.zeros((), dtype=torch.int64))
        self.seen: Tensor
        self.size: Tensor

    @property
    def elements(self) -> tuple[int, ...]:
        """The atomic numbers seen, sorted."""
        return tuple(self.seen.nonzero()[:, 0].tolist())

    @property
    def max_atoms(self) -> int:
        """The atoms of the largest molecule seen."""
        return int(self.size)

    def reset_parameters(self) -> None:
        """Forget what was seen."""
        self.seen.zero_()
        self.size.zero_()

    @torch.no_grad()
    def update(self, z: Tensor, batch: Tensor) -> None:
        """Note training molecules with atoms ``z [N]`` of the molecules ``batch [N]``."""
        self.seen[z] = True
        self.size.copy_(torch.maximum(self.size, torch.bincount(batch).max()))

    def check(self, z: Tensor, pos: Tensor, batch: Tensor) -> None:
        """Warn of atoms ``z [N]`` at ``pos [N, 3]`` Å of the molecules ``batch [N]`` that lie outside the domain.

        Warns:
            OutOfDomainWarning: an element was not in training, a molecule has more atoms than any there, or carbons
                lack hydrogens.
        """
        known = self.elements
        if not known:
            return
        if fault := _unknown_elements(z, known):
            _warn(f"{fault}; do not trust the field there")
        count = torch.bincount(batch)
        if fault := self._too_large(int(count.max())):
            _warn(f"molecule {int(count.argmax())}: {fault}; compare the decoded field with the molecule's own")
        if _HYDROGEN in known:
            bare = torch.ones_like(count, dtype=torch.bool)
            bare[batch[z == _HYDROGEN]] = False
            for graph in bare.nonzero()[:, 0].tolist():
                if _lacks_hydrogens(z[batch == graph], pos[batch == graph]):
                    _warn(f"molecule {graph}: {_BARE}; add them first")
                    break

    def reasons(self, z: Tensor, pos: Tensor) -> tuple[str, str, str]:
        """Why a molecule with atoms ``z [N]`` at ``pos [N, 3]`` Å lies outside the domain.

        Returns:
            What is wrong with its elements, its size and its hydrogens; empty where nothing is.
        """
        known = self.elements
        if not known:
            return "", "", ""
        bare = _HYDROGEN in known and not bool((z == _HYDROGEN).any()) and _lacks_hydrogens(z, pos)
        return _unknown_elements(z, known), self._too_large(len(z)), _BARE if bare else ""

    def _too_large(self, count: int) -> str:
        if count <= self.max_atoms:
            return ""
        return f"expected at most {self.max_atoms} atoms, as in training, got {count}"


def _unknown_elements(z: Tensor, known: tuple[int, ...]) -> str:
    unknown = sorted(set(z.unique().tolist()) - set(known))
    if not unknown:
        return ""
    expected, got = (", ".join(symbols()[number] for number in numbers) for numbers in (known, unknown))
    return f"z: expected elements of the training set ({expected}), got {got}"


def _lacks_hydrogens(z: Tensor, pos: Tensor) -> bool:
    """Whether a molecule without hydrogens has a carbon with one neighbour, or with two that are not in line."""
    z, pos = z.cpu(), pos.detach().cpu().double()
    if len(z) <= 2:
        return False
    pairs = torch.from_numpy(bonds(AtomList(z, pos)))
    ends = torch.cat([pairs, pairs.flip(1)])
    order = ends[:, 0].argsort()
    degree = torch.bincount(ends[:, 0], minlength=len(z))
    first = degree.cumsum(0) - degree
    carbon = z == _CARBON
    if bool((carbon & (degree == 1)).any()):
        return True
    middle = (carbon & (degree == 2)).nonzero()[:, 0]
    one, two = (torch.nn.functional.normalize(pos[ends[order[first[middle] + i], 1]] - pos[middle]) for i in (0, 1))
    return bool(((one * two).sum(1) > _STRAIGHT).any())


def _warn(message: str) -> None:
    warnings.warn(message, OutOfDomainWarning, stacklevel=5)
