"""`Domain`: the kind of molecules that a model was trained on, and warnings about others."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch_geometric.utils import degree

from tg_molfield.chem.elements import MAX_Z, element_property, symbols
from tg_molfield.structures.hydrogens import REACH, misses_hydrogens
from tg_molfield.structures.length_units import BOND, MAX_Z_WITH_RADIUS, length_unit_fault

_HYDROGEN, _CARBON = 1, 6


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
        free = _whose_first_atom_is_free(z, pos, batch, count)
        if fault := _first_fault(length_unit_fault, free, z, pos, count):
            _warn(f"{fault}; convert them first")
        if _HYDROGEN not in known:
            return
        doubtful = _without_a_hydrogen_at_carbon(z, pos, batch, len(count))
        if fault := _first_fault(_missing_hydrogens, doubtful, z, pos, count):
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
    fault_of: Callable[[Tensor, Tensor], str], doubtful: Tensor, z: Tensor, pos: Tensor, count: Tensor
) -> str:
    """What is wrong with the first of the ``doubtful [B]`` molecules of ``count [B]`` atoms with which anything is."""
    numbers = doubtful.nonzero()[:, 0].tolist()
    if not numbers:
        return ""
    end = count.cumsum(0).tolist()
    z, pos = z.cpu(), pos.detach().cpu()
    for graph in numbers:
        rows = slice(end[graph - 1] if graph else 0, end[graph])
        if fault := fault_of(z[rows], pos[rows]):
            return f"molecule {graph}: {fault}"
    return ""


def _whose_first_atom_is_free(z: Tensor, pos: Tensor, batch: Tensor, count: Tensor) -> Tensor:
    """Molecules ``[B]`` of ``count [B]`` atoms whose first one has no bond: none where positions are in Å, mostly."""
    first = (count.cumsum(0) - count)[batch]
    radius = element_property("covalent_radius", z.clamp(max=MAX_Z_WITH_RADIUS)).to(pos.dtype)
    ratio = (pos.detach() - pos.detach()[first]).norm(dim=1) / (radius + radius[first])
    bound = (ratio > BOND[0]) & (ratio < BOND[1])
    return torch.zeros_like(count).index_add(0, batch, bound.to(count.dtype)) == 0


def _without_a_hydrogen_at_carbon(z: Tensor, pos: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
    """Molecules ``[B]`` whose first hydrogen, if any, is not at carbon: few where all hydrogens are there."""
    hydrogen = (z == _HYDROGEN).nonzero()[:, 0]
    graph = batch[hydrogen]
    begins = torch.ones_like(graph, dtype=torch.bool)
    begins[1:] = graph[1:] != graph[:-1]
    first = torch.full((num_graphs,), -1, device=z.device)
    first[graph[begins]] = hydrogen[begins]
    first, pos = first[batch], pos.detach()
    is_near = (pos[first] - pos).norm(dim=1) < REACH
    found = torch.zeros(num_graphs, device=z.device)
    return found.index_add(0, batch, ((z == _CARBON) & (first >= 0) & is_near).to(found)) == 0


def _missing_hydrogens(z: Tensor, pos: Tensor) -> str:
    if not misses_hydrogens(z.cpu().numpy(), pos.detach().cpu().double().numpy()):
        return ""
    at_carbon = " at carbon" if bool((z == _HYDROGEN).any()) else ""
    return f"expected explicit hydrogens, as in training, got none{at_carbon}"


def _warn(message: str) -> None:
    warnings.warn(message, OutOfDomainWarning, stacklevel=5)
