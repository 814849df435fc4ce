"""`Domain`: the kind of molecules that a model was trained on, and warnings about others."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.utils import degree

from tg_molfield.callers import caller_level
from tg_molfield.chem.elements import MAX_Z, symbols
from tg_molfield.structures.hydrogens import hydrogens_there, may_lack_hydrogens
from tg_molfield.structures.length_units import length_unit_fault, may_have_another_unit

_HYDROGEN = 1


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
        self.size.copy_(torch.maximum(self.size, degree(batch, len(batch), dtype=torch.int64).max()))

    def check(self, z: Tensor, pos: Tensor, batch: Tensor) -> None:
        """Warn of atoms ``z [N]`` at ``pos [N, 3]`` Å of the molecules ``batch [N]`` that lie outside the domain.

        On a device positions need not be finite; they are not looked at then.

        Warns:
            OutOfDomainWarning: an element was not in training, a molecule has more atoms than any there, or carbons
                lack hydrogens, or positions seem to be in another unit than Å.
        """
        known = self.elements
        if not known:
            return
        if fault := _unknown_elements(z, known):
            _warn(f"{fault}; do not trust the field there")
        count = torch.bincount(batch)
        if fault := self._too_large(int(count.max())):
            _warn(f"molecule {int(count.argmax())}: {fault}; compare the decoded field with the molecule's own")
        z, pos, batch = z.cpu(), pos.detach().cpu(), batch.cpu()
        if not bool(pos.isfinite().all()):
            return
        given = z.numpy(), pos.double().numpy(), batch.numpy()
        if fault := _first_fault(length_unit_fault, may_have_another_unit(*given, len(count)), z, pos, count):
            _warn(f"{fault}; convert them first")
        if _HYDROGEN not in known:
            return
        if fault := _first_fault(_missing_hydrogens, may_lack_hydrogens(*given), z, pos, count):
            _warn(f"{fault}; add them first")

    def reasons(self, z: Tensor, pos: Tensor) -> tuple[str, str, str, str]:
        """Why a molecule with atoms ``z [N]`` at ``pos [N, 3]`` Å lies outside the domain.

        Returns:
            What is wrong with its elements, its size, its hydrogens and its unit of length; empty where nothing is.
        """
        known = self.elements
        if not known:
            return "", "", "", ""
        missing = _missing_hydrogens(z, pos) if _HYDROGEN in known else ""
        return _unknown_elements(z, known), self._too_large(len(z)), missing, length_unit_fault(z, pos)

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


def _first_fault(
    fault_of: Callable[[Tensor, Tensor], str], doubtful: NDArray[np.int64], z: Tensor, pos: Tensor, count: Tensor
) -> str:
    """What is wrong with the first of the ``doubtful`` molecules, of ``count [B]`` atoms, with which anything is."""
    if not len(doubtful):
        return ""
    end = count.cumsum(0).tolist()
    for graph in doubtful.tolist():
        rows = slice(end[graph - 1] if graph else 0, end[graph])
        if fault := fault_of(z[rows], pos[rows]):
            return f"molecule {graph}: {fault}"
    return ""


def _missing_hydrogens(z: Tensor, pos: Tensor) -> str:
    got = hydrogens_there(z.cpu().numpy(), pos.detach().cpu().double().numpy())
    return f"expected explicit hydrogens, as in training, got {got}" if got else ""


def _warn(message: str) -> None:
    warnings.warn(message, OutOfDomainWarning, stacklevel=caller_level())
