"""The vectors that flow matching moves: united atoms as numbers of order 1."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from tg_molfield.devices import constant, queued_to
from tg_molfield.nn.ops.united_atoms import BOND, LENGTH, MAX_HYDROGENS, UnitedAtoms

_ORDERS = tuple(permutations(range(MAX_HYDROGENS)))


class StateLayout:
    """Where the parts of a state are: positions, kinds, numbers of hydrogens and hydrogens.

    Args:
        num_kinds: the number T of elements.
    """

    def __init__(self, num_kinds: int) -> None:
        self.num_kinds = num_kinds
        self.sizes = (3, num_kinds, MAX_HYDROGENS + 1, 3 * MAX_HYDROGENS)
        self.size = sum(self.sizes)

    def split(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The parts of ``[..., size]``."""
        pos, kinds, counts, hydrogens = state.split(self.sizes, dim=-1)
        return pos, kinds, counts, hydrogens

    def state(self, atoms: UnitedAtoms) -> Tensor:
        """``[B, n, size]``; 0 where there is no atom."""
        kinds = 2 * F.one_hot(atoms.kinds, self.num_kinds) - 1
        counts = 2 * F.one_hot(atoms.counts, MAX_HYDROGENS + 1) - 1
        parts = [atoms.pos / LENGTH, kinds, counts, atoms.hydrogens.flatten(2) / BOND]
        return torch.cat([part.to(atoms.pos) for part in parts], dim=2) * atoms.mask.unsqueeze(2)

    def atoms(self, state: Tensor, mask: Tensor) -> UnitedAtoms:
        """The united atoms that a state ``[B, n, size]`` is nearest to."""
        pos, kinds, counts, hydrogens = self.split(state)
        counts = counts.argmax(2) * mask
        hydrogens = hydrogens.unflatten(2, (MAX_HYDROGENS, 3)) * BOND
        order = hydrogens.square().sum(3).argsort(dim=2, descending=True, stable=True)
        hydrogens = hydrogens.gather(2, order.unsqueeze(3).expand_as(hydrogens))
        used = torch.arange(MAX_HYDROGENS, device=mask.device) < counts.unsqueeze(2)
        return UnitedAtoms(
            pos * LENGTH * mask.unsqueeze(2), kinds.argmax(2) * mask, counts, hydrogens * used.unsqueeze(3), mask
        )

    @torch.no_grad()
    def matched(self, state: Tensor, noise: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The same molecules with united atoms and hydrogens in the order that is nearest to the ``noise``.

        So atoms have short ways to go (Klein, Krämer & Noé 2023, arXiv 2306.15030, without rotations).

        Args:
            state: ``[B, n, size]``.
            noise: ``[B, n, size]``.
            mask: ``[B, n]``; it stays.

        Returns:
            Their state, and the place ``[B, n]`` at which each united atom was.
        """
        cost = (noise[..., :3].unsqueeze(2) - state[..., :3].unsqueeze(1)).square().sum(3)
        both = mask.unsqueeze(1) & mask.unsqueeze(2)
        none = ~mask.unsqueeze(1) & ~mask.unsqueeze(2)
        cost = cost.masked_fill(~both, 1e4).masked_fill(none, 0.0)
        order = np.zeros(mask.shape, dtype=np.int64)
        for row, each in enumerate(cost.cpu().double().numpy()):
            order[row] = linear_sum_assignment(each)[1]
        place = queued_to(torch.from_numpy(order), state.device)
        state = state.gather(1, place.unsqueeze(2).expand_as(state))
        slots, target = (self.split(x)[3].unflatten(2, (MAX_HYDROGENS, 3)) for x in (state, noise))
        apart = (target.unsqueeze(3) - slots.unsqueeze(2)).square().sum(4)
        orders = constant(_ORDERS, place)
        slot = torch.arange(MAX_HYDROGENS, device=state.device)
        best = orders[apart[:, :, slot, orders].sum(3).argmin(2)]
        slots = slots.gather(2, best.unsqueeze(3).expand_as(slots))
        return torch.cat([state[..., : self.size - 3 * MAX_HYDROGENS], slots.flatten(2)], dim=2), place
